"""The matrix of gains with intervals as a Markdown table, and what a reader must be careful with."""

from collections.abc import Iterator

import pandas as pd

from ..numbers import gain_text
from ..results.estimates import Estimate, cell_estimates, mean_estimates
from ..results.marks import DOUBLE_DAGGER, STAR
from ..results.results import Results
from ..results.seed_part import MEAN
from .sections import annotated, cell_list, partial_list
from .tables import NOT_CLEARLY_ABOVE, markdown

CHECK = "✓"
MAX_LISTED = 6
"""Number of cells that a caution lists before it counts the others."""


def gains_table(results: Results) -> str:
    """Gains in points ± half width of the 95 % interval; then the mean gain in points and in units of spreads."""
    matrix, cells = results.matrix, cell_estimates(results.estimates)
    targets = [str(name) for name in matrix.scores.columns]
    names = [f"{name}{DOUBLE_DAGGER if name in matrix.single_split else ''}" for name in targets]
    means = {str(unit): rows.set_index("recipe") for unit, rows in results.row_means.groupby("unit")}
    # The mean over one target would repeat its column.
    has_means = bool(means) and len(results.row_means.attrs.get("targets", ())) > 1
    rows = [
        [
            recipe,
            *(_cell(cells.get((recipe, target)), _signs(results, recipe, target)) for target in targets),
            *(_means(results, means, recipe) if has_means else ()),
        ]
        for recipe in matrix.recipes
    ]
    return markdown(["recipe", *names, *(["mean", "spread"] if has_means else [])], rows)


def _cell(cell: Estimate | None, signs: str) -> str:
    if cell is None:
        return "–"
    text = gain_text(cell.gain, cell.low, cell.high, cell.note)
    return f"**{text}**{signs}" if cell.is_settled else f"{text}{signs}"


def _signs(results: Results, recipe: str, target: str) -> str:
    # An asterisk without a backslash could start emphasis.
    star = f"\\{STAR}" if (recipe, target) in results.matrix.lacking else ""
    return results.matrix.marks.signs(recipe, target) + star


def _means(results: Results, means: dict[str, pd.DataFrame], recipe: str) -> Iterator[str]:
    """The mean gain in points, with a check mark for a row among the best, and in units of spreads."""
    best = results.leaders.rows
    is_best = bool(best.loc[(best["target"] == MEAN) & (best["recipe"] == recipe), "is_best"].any())
    for unit, factor in (("score", 1.0), ("spread", 0.01)):
        table = means.get(unit)
        if table is None or recipe not in table.index:
            yield "–"
            continue
        gain, low, high = (factor * value for value in table.loc[[recipe], ["gain", "low", "high"]].to_numpy(float)[0])
        text = gain_text(gain, low, high)
        yield f"{text} {CHECK}" if unit == "score" and is_best else text


def cautions(results: Results) -> Iterator[str]:
    """What a reader of the matrix must be careful with, as sentences; nothing for a complete and clear matrix."""
    matrix, num_seeds = results.matrix, len(results.space.seeds)
    reference = matrix.reference_words
    yield from _about_seeds(results)
    yield from _about_intervals(results)
    at_chance = [level.target for level in results.targets if level.verdict == "not above"]
    unclear = [level.target for level in results.targets if level.verdict == "unclear"]
    where = (("At chance", at_chance, "not above"), ("Near chance", unclear, "not more than two standard errors above"))
    for term, targets, words in where:
        if targets:
            yield (
                f"**{term}**: on {', '.join(targets)}, {reference} is {words} the trivial score. A gain there may show "
                "that the task was learned at all, and not transfer."
            )
    unlearned = [f"{p.recipe} on {p.task}" for p in results.preparations if p.verdict in NOT_CLEARLY_ABOVE]
    if unlearned:
        verb = "is" if len(unlearned) == 1 else "are"
        yield (
            f"**Not learned**: {_listed(unlearned)} {verb} not clearly above the trivial score. The gains of these "
            "recipes show the effect of further training and not of a learned task."
        )
    if matrix.missing:
        missing = _listed(cell_list(matrix.missing))
        yield f"{len(matrix.missing)} of {matrix.scores.size} cells have no score: {missing}."
    if results.partial:
        yield f"Cells without some of the replicate seeds: {_listed(partial_list(results.partial, num_seeds))}."
    if matrix.lacking:
        yield (
            f"\\{STAR} These cells lack languages of their column and are left out of summaries: "
            f"{_listed(annotated(matrix.lacking))}."
        )
    languages = {name for target in results.coverage for name in target.scored}
    if len(languages) == 1:
        yield f"Scores are in one language ({', '.join(languages)}), so that nothing is known about other languages."


def _about_seeds(results: Results) -> Iterator[str]:
    """What is missing because of seeds, or because there is no reference."""
    asked, done = len(results.space.seeds), len(results.seeds_done)
    table = mean_estimates(results.estimates)
    most = int(table.loc[table["gain"].notna(), "num_seeds"].max()) if table["gain"].notna().any() else 0
    if not results.matrix.reference:
        yield "The space has no baseline, so that no gain can be computed."
    if 0 < done < asked:
        yield (
            f"Only {done} of the {asked} seeds that the space asks for have scores. A cell that lacks seeds is not "
            "tested (no q)."
        )
    if most == 1:
        has_items = (table["basis"] == "items").any()
        rest = ": intervals are about new items only." if has_items else ". There is no interval without outcomes."
        yield f"One seed does not show how much scores vary between seeds{rest}"
    elif most == 2:
        yield "With two seeds, intervals are wide and effects are hard to find."


def _about_intervals(results: Results) -> Iterator[str]:
    """What the intervals include, and why some are missing."""
    table = mean_estimates(results.estimates)
    table = table[table["gain"].notna()]
    bimodal = table.loc[table["note"] == "bimodal", ["recipe", "target"]].itertuples(index=False, name=None)
    if named := cell_list(bimodal):
        yield f"The seeds of these cells form two groups, as after collapsed trainings (seeds.csv): {_listed(named)}."
    equal = table.loc[table["note"] == "equal differences", ["recipe", "target"]].itertuples(index=False, name=None)
    if named := cell_list(equal):
        yield f"The gains of all seeds are equal, which gives no interval: {_listed(named)}."
    yield from item_notes(results)


def item_notes(results: Results) -> Iterator[str]:
    """Sentences about outcomes that are missing or damaged. Yields nothing if all of them could be read."""
    table = mean_estimates(results.estimates)
    table = table[table["gain"].notna() & (table["basis"] != "")]
    share = (table["basis"] == "seeds").groupby(table["target"]).mean()
    for words, is_named in (("Intervals", share == 1), ("Some intervals", (share > 0) & (share < 1))):
        if is_named.any():
            targets = ", ".join(sorted(share.index[is_named]))
            yield f"{words} on {targets} are about new seeds only, because outcomes of items are missing."
    with_items = sorted(set(table.loc[table["basis"].str.contains("items"), "target"]))
    files = [file for target in with_items for file in results.items.missing.get(target, ())]
    if files:
        named = f"{files[0]}, which is" if len(files) == 1 else f"{files[0]} and {len(files) - 1} more, which are"
        yield (
            f"Intervals over items leave out the outcomes {named} missing or damaged. `sweeper run` computes a score "
            "again whose outcomes it finds missing or damaged."
        )


def _listed(items: list[str]) -> str:
    more = f"; and {len(items) - MAX_LISTED} more" if len(items) > MAX_LISTED else ""
    return "; ".join(items[:MAX_LISTED]) + more
