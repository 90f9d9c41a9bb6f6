"""Gains against properties of the language: distance from English, family, script and resources."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweeper.space import CLEAN
from sweeper.tasks.distances import KINDS, distance, resources
from sweeper.tasks.languages import FAMILIES, SCRIPTS
from sweeper.world import languages as world

from .halves import MIN_N
from .language_effects import language_gains
from .load import RunData
from .matrix import Matrix
from .names import positions
from .seed_part import ENGLISH, MEAN
from .slopes import language_effects, slopes_on
from .stats import adjusted, correlation_ratio

Floats = npt.NDArray[np.float64]
STEP = 0.1
"""Change of a distance that slopes are given for."""
DISTANCES: Mapping[str, str] = {
    **{kind: f"{kind} distance from English" for kind in KINDS},
    "world": "distance from English in the synthetic world",
}
"""Property of a language that is a number, 0 to 1 -> its label in figures and tables."""
SUBWORDS: Mapping[str, str] = {
    "tokens_per_word": "subwords per word",
    "overlap": "share of subwords that occur in the English data",
}
"""Property of the evaluation data in a language, by target, from the records of the baseline -> its label."""
NUMBERS: Mapping[str, str] = {**DISTANCES, **SUBWORDS}
STEPS: Mapping[str, float] = {**dict.fromkeys(NUMBERS, STEP), "tokens_per_word": 1.0}
"""Property -> the change that its slope is given for."""
UNSPACED = frozenset({"Burmese", "Han", "Japanese", "Thai"})
"""Scripts that do not separate words by spaces, so that their subwords per word are unknown."""
CATEGORIES: Mapping[str, str] = {"family": "family", "script": "script", "resources": "resources"}
"""Property without an order -> its label."""
OF = ("gain", "difference")
"""What has a slope: the gain over all languages, English included, and the gain minus the English gain over the other
languages."""
SLOPE_COLUMNS = ("of", "recipe", "target", "trait", "slope", "low", "high", "se_seed", "rho", "p", "n", "q")
GROUP_COLUMNS = ("category", "group", "target", "num_languages", "gain", "difference")


@dataclass(frozen=True, kw_only=True)
class LanguageTraits:
    """The languages of one model, and how gains depend on their properties.

    Gains are those of the cells that summaries include, without the languages in which a cell is not zero-shot. The
    gain of a language is adjusted for the cells that have it (`slopes.language_effects`). It is a mean over recipes,
    and for the target `mean` also over the targets in `mean_over`.
    """

    languages: pd.DataFrame
    """Columns target, language, gain, difference (to the gain in English), and the properties of the language."""
    slopes: pd.DataFrame
    """Columns SLOPE_COLUMNS: one row for each number of NUMBERS that at least MIN_N languages have, each target and
    each recipe. `slope` is the change of the gain for a change of STEPS, low and high the bounds of its 95 % jackknife
    interval over languages. rho is Spearman's correlation, and p its permutation p. The recipe `mean` means all
    recipes, and the target `mean` the targets of `mean_over`. q corrects for the rows of the same `of`, of all recipes
    or of single
    ones. For a category, rho is the correlation ratio and there is no slope."""
    groups: pd.DataFrame
    """Columns GROUP_COLUMNS: mean gain over the languages of a family, a script or a level of resources."""
    mean_over: tuple[str, ...]
    notes: tuple[str, ...]
    """Why slopes are missing, and what they assume, as sentences."""


def language_traits(
    data: RunData, seeds: pd.DataFrame, cells: pd.DataFrame, matrix: Matrix, over: tuple[Sequence[str], Sequence[int]]
) -> LanguageTraits:
    """The languages of one model.

    `seeds` are its `scores_by_seed`, `cells` its table of estimates, and `over` has the targets in mean gains and the
    seeds that count.
    """
    mean_over, numbers = over
    gains = _zero_shot(language_gains(seeds, cells), matrix)
    traits = properties(sorted(gains["language"].unique(), key=lambda name: (name != ENGLISH, name)))
    arrays = _arrays(gains, list(traits.index), mean_over, numbers)
    effects = {cell: language_effects(array) for cell, array in arrays.items()}
    measured = subwords(data, matrix.model, mean_over)
    by_target = {target: _joined(traits, measured, target) for _, target in arrays}
    columns = ["target", "language", "gain", "difference", *traits.columns, *SUBWORDS]
    levels = [
        _levels(arrays[cell], effects[cell], by_target[cell[1]]).assign(target=cell[1])
        for cell in arrays
        if cell[0] == MEAN
    ]
    by_language = pd.concat(levels or [pd.DataFrame(columns=columns)], ignore_index=True)
    return LanguageTraits(
        languages=by_language[columns],
        slopes=_slopes(effects, by_target),
        groups=_groups(by_language),
        mean_over=tuple(mean_over),
        notes=tuple(_notes(by_language, matrix, numbers)),
    )


def properties(languages: Sequence[str]) -> pd.DataFrame:
    """The properties of languages: index language, columns DISTANCES (nan if unknown) and CATEGORIES ("" if unknown).

    Generated languages have the distances and scripts of their world.
    """
    is_world = not {*world.TRAITS}.isdisjoint({*languages} - {ENGLISH})
    rows = {name: _properties(name, is_world=is_world) for name in languages}
    return pd.DataFrame.from_dict(rows, orient="index", columns=[*DISTANCES, *CATEGORIES])


def _properties(language: str, *, is_world: bool) -> dict[str, float | str]:
    if is_world and language in world.TRAITS:
        generated = {"world": world.distance(ENGLISH, language), "script": world.TRAITS[language].script}
        return {**dict.fromkeys(KINDS, np.nan), "family": "", "resources": "", **generated}
    return {
        **{kind: distance(kind, ENGLISH, language) for kind in KINDS},
        "world": np.nan,
        "family": FAMILIES.get(language, ""),
        "script": SCRIPTS.get(language, ""),
        "resources": resources().get(language, ""),
    }


def subwords(data: RunData, model: str, mean_over: Sequence[str]) -> pd.DataFrame:
    """The numbers of SUBWORDS by target and language (index), and their means over the targets of mean gains."""
    rows = [
        {"target": score.target, "language": language, **numbers}
        for score in data.cell_scores
        if score.model == model and score.condition == CLEAN
        for language, numbers in score.subwords.items()
    ]
    table = pd.DataFrame(rows, columns=["target", "language", *SUBWORDS])
    means = table.groupby(["target", "language"])[list(SUBWORDS)].mean()
    kept = means[means.index.isin(list(mean_over), level="target")]
    compared = pd.DataFrame({name: _over_targets(kept[name].unstack("target")) for name in SUBWORDS})
    compared = compared.rename_axis("language")
    return pd.concat([means, compared.assign(target=MEAN).set_index("target", append=True).swaplevel()])


def _over_targets(values: pd.DataFrame) -> "pd.Series[float]":
    """The mean over targets of values of languages (rows) on targets (columns), of which some are missing.

    Adjusted as gains are: another selection of targets does not make a language different.
    """
    array = values.to_numpy(dtype=float).T[..., None]
    if array.size == 0:
        return pd.Series(dtype=float, index=values.index)
    return pd.Series(_adjusted(array, language_effects(array)), index=values.index)


def _adjusted(values: Floats, effects: Floats) -> Floats:
    """The effect of each language plus the mean level of cells, each of which counts alike; nan without an effect."""
    means = values.mean(axis=-1) - effects.mean(axis=-1)
    has_value = ~np.isnan(means)
    counted = has_value.sum(axis=1)
    levels = np.where(has_value, means, 0.0).sum(axis=1)[counted > 0] / counted[counted > 0]
    adjusted_values: Floats = effects.mean(axis=-1) + (levels.mean() if len(levels) else np.nan)
    return adjusted_values


def _joined(traits: pd.DataFrame, measured: pd.DataFrame, target: str) -> pd.DataFrame:
    """The properties of languages, with those of their evaluation data on a target."""
    is_of_target = measured.index.get_level_values("target") == target
    joined = traits.join(measured[is_of_target].droplevel("target"))
    joined["tokens_per_word"] = joined["tokens_per_word"].mask(joined["script"].isin(UNSPACED))
    return joined


def _zero_shot(rows: pd.DataFrame, matrix: Matrix) -> pd.DataFrame:
    """The rows of English and of the languages in which the cell is zero-shot."""
    return rows[(rows["language"] == ENGLISH).to_numpy() | matrix.are_zero_shot(rows)]


def _arrays(
    rows: pd.DataFrame, languages: Sequence[str], mean_over: Sequence[str], numbers: Sequence[int]
) -> dict[tuple[str, str], Floats]:
    """The gains of each (recipe, target) that has a slope, of shape (cells, languages, seeds); `mean` means all."""
    recipes, targets = (list(rows[column].unique()) for column in ("recipe", "target"))
    listed = {"recipe": recipes, "target": targets, "language": languages, "seed": list(numbers)}
    places = np.array([positions(rows[column], names) for column, names in listed.items()])
    is_kept = (places >= 0).all(axis=0)
    values = np.full([len(names) for names in listed.values()], np.nan)
    values[tuple(places[:, is_kept])] = rows["gain"].to_numpy(float)[is_kept]
    compared = values[:, np.isin(targets, list(mean_over))]
    arrays = {
        (MEAN, MEAN): compared.reshape(compared.shape[0] * compared.shape[1], *values.shape[2:]),
        **{(MEAN, str(target)): values[:, number] for number, target in enumerate(targets)},
        **{(str(recipe), MEAN): compared[number] for number, recipe in enumerate(recipes)},
    }
    has_gain = {cell: (~np.isnan(array)).any(axis=(1, 2)) for cell, array in arrays.items()}
    return {cell: array[has_gain[cell]] for cell, array in arrays.items() if has_gain[cell].any()}


def _levels(gains: Floats, effects: Floats, traits: pd.DataFrame) -> pd.DataFrame:
    """The adjusted gain of each language that has one, its difference to the English one, and its properties."""
    adjusted_gains = _adjusted(gains, effects)
    table = traits.rename_axis("language").reset_index()
    table["gain"] = adjusted_gains
    english = table.loc[table["language"] == ENGLISH, "gain"]
    table["difference"] = table["gain"] - (float(english.iloc[0]) if len(english) else np.nan)
    return table.dropna(subset="gain")


@dataclass(frozen=True, kw_only=True)
class _Block:
    """The languages of one recipe and target, and their effects of shape (languages, seeds)."""

    named: Mapping[str, str]
    """The columns of, recipe and target of its rows."""
    traits: pd.DataFrame
    effects: Floats

    @property
    def has_effect(self) -> npt.NDArray[np.bool_]:
        """Whether each language has an effect of every seed."""
        return np.asarray(~np.isnan(self.effects).any(axis=-1))


def _slopes(effects: Mapping[tuple[str, str], Floats], by_target: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """All slopes and correlation ratios."""
    blocks = list(_blocks(effects, by_target))
    # Property by property, because the random orders of a property are the same in all blocks.
    rows = [row for name in NUMBERS for row in _of_number(name, blocks)]
    rows += [(number, row) for number, block in enumerate(blocks) for row in _of_categories(block)]
    ordered = [row for _, row in sorted(rows, key=lambda numbered: numbered[0])]
    table = pd.DataFrame(ordered, columns=list(SLOPE_COLUMNS)).astype({"n": int})
    is_single = table["recipe"] != MEAN
    for family in (is_single, ~is_single):
        for of in OF:
            chosen = family & (table["of"] == of)
            table.loc[chosen, "q"] = adjusted(table.loc[chosen, "p"])
    return table.astype({"q": float})


def _blocks(effects: Mapping[tuple[str, str], Floats], by_target: Mapping[str, pd.DataFrame]) -> Iterator[_Block]:
    for (recipe, target), values in effects.items():
        traits = by_target[target]
        english = values[traits.index == ENGLISH]
        has_english = bool(len(english)) and not np.isnan(english).any()
        # Without an English gain, there is no difference to it.
        for of in OF if has_english else OF[:1]:
            kept = (traits.index != ENGLISH) | (of == "gain")
            named = {"of": of, "recipe": recipe, "target": target}
            yield _Block(named=named, traits=traits[kept], effects=values[kept])


def _of_number(name: str, blocks: Sequence[_Block]) -> Iterator[tuple[int, dict[str, object]]]:
    """The rows of a property that is a number with the numbers of their blocks: those with at least MIN_N languages."""
    alike: dict[bytes, list[int]] = defaultdict(list)
    for number, block in enumerate(blocks):
        values = block.traits[name].to_numpy(float)
        if (block.has_effect & ~np.isnan(values)).sum() >= MIN_N:
            alike[values.tobytes()].append(number)
    for content, numbers in alike.items():
        slopes = slopes_on(np.frombuffer(content), [blocks[number].effects for number in numbers])
        for number, slope in zip(numbers, map(asdict, slopes), strict=True):
            scaled = {key: STEPS[name] * slope[key] for key in ("slope", "low", "high", "se_seed")}
            yield number, {**blocks[number].named, "trait": name, **slope, **scaled}


def _of_categories(block: _Block) -> Iterator[dict[str, object]]:
    """A row for each property without an order that at least MIN_N languages have."""
    for name in CATEGORIES:
        labels = block.traits[name].to_numpy(str)
        is_labelled = block.has_effect & (labels != "")
        if is_labelled.sum() >= MIN_N:
            means = block.effects[is_labelled].mean(axis=-1).tolist()
            rho, p = correlation_ratio(labels[is_labelled].tolist(), means)
            yield {**block.named, "trait": name, "rho": rho, "p": p, "n": int(is_labelled.sum())}


def _groups(languages: pd.DataFrame) -> pd.DataFrame:
    """The mean over the languages of each group; English has no difference to itself."""
    tables = []
    languages = languages.assign(difference=languages["difference"].mask(languages["language"] == ENGLISH))
    for category in CATEGORIES:
        members = languages[languages[category].astype(str) != ""]
        grouped = members.groupby(["target", category], sort=False)
        means = grouped.agg(
            num_languages=("language", "size"), gain=("gain", "mean"), difference=("difference", "mean")
        )
        tables.append(means.reset_index().rename(columns={category: "group"}).assign(category=category))
    return pd.concat(tables, ignore_index=True)[list(GROUP_COLUMNS)]


def _notes(languages: pd.DataFrame, matrix: Matrix, numbers: Sequence[int]) -> Iterable[str]:
    """Why there is no slope, and what its interval does not contain."""
    counts = languages[languages["target"] != MEAN].groupby("target", sort=False).size()
    few = [target for target in matrix.scores.columns if counts.get(target, 0) < MIN_N]
    if few:
        yield (
            f"There is no slope over languages on {', '.join(few)}, because a slope needs at least {MIN_N} languages "
            "with a gain."
        )
    if len(few) < len(matrix.scores.columns):
        yield (
            "Intervals are about new languages and take the trainings as they are. All gains in a language share the "
            f"scores of {matrix.reference_words} in it, and related languages are not independent."
        )
        if len(numbers) < 2:
            yield "With one seed, a training that is weaker in all distant languages cannot be told from a slope."


__all__ = ["CATEGORIES", "DISTANCES", "NUMBERS", "STEPS", "LanguageTraits", "language_traits", "properties"]
