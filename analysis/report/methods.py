"""The methods of a run as a text for a paper, from its space and its ledger."""

from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np
import pandas as pd

from sweeper import __version__
from sweeper.records.record import TrainingRecord
from sweeper.scoring.scorers import SCORERS
from sweeper.space import Model, Space
from sweeper.tasks.distances import KINDS

from ..results.contrasts import claim_table
from ..results.estimates import mean_estimates
from ..results.language_traits import NUMBERS
from ..results.load import RunData
from ..results.moderation import CAP
from ..results.results import Results
from . import protocol

CITATION = (
    "Phang, Calixto, Htut, Pruksachatkun, Liu, Vania, Kann and Bowman. English Intermediate-Task Training Improves "
    "Zero-Shot Cross-Lingual Transfer Too. AACL 2020. arXiv:2005.13013."
)
REFERENCES = {
    "Student 1908": "The probable error of a mean. Biometrika 6(1).",
    "Satterthwaite 1946": "An approximate distribution of estimates of variance components. Biometrics Bulletin 2(6).",
    "Zou and Donner 2008": "Construction of confidence limits about effect measures: a general approach. Statistics in "
    "Medicine 27(10).",
    "Smyth 2004": "Linear models and empirical Bayes methods for assessing differential expression. Statistical "
    "Applications in Genetics and Molecular Biology 3(1).",
    "Benjamini and Hochberg 1995": "Controlling the false discovery rate. Journal of the Royal Statistical Society B "
    "57(1).",
    "Tukey 1953": "The problem of multiple comparisons. Unpublished manuscript, Princeton University.",
    "Holm 1979": "A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics 6(2).",
    "Berger 1982": "Multiparameter hypothesis testing and acceptance sampling. Technometrics 24(4).",
    "You et al. 2021": "LogME: Practical assessment of pre-trained models for transfer learning. ICML 2021.",
    "Bao et al. 2019": "An information-theoretic approach to transferability in task transfer learning. ICIP 2019.",
    "Ledoit and Wolf 2004": "A well-conditioned estimator for large-dimensional covariance matrices. Journal of "
    "Multivariate Analysis 88(2).",
    "Vu et al. 2020": "Exploring and predicting transferability across NLP tasks. EMNLP 2020.",
    "Swayamdipta et al. 2020": "Dataset cartography: Mapping and diagnosing datasets with training dynamics. EMNLP "
    "2020.",
    "Khan et al. 2025": "URIEL+: Enhancing linguistic inclusion and usability in a typological and multilingual "
    "knowledge base. COLING 2025.",
}
"""Works that a paragraph can cite, by the words that cite them."""
PREDICTORS = {
    "logme": "LogME (You et al. 2021)",
    "h_score": "the H-score (Bao et al. 2019) with a shrunk covariance (Ledoit and Wolf 2004)",
    "knn": "the accuracy of nearest neighbours",
    "embedding": "the cosine between the mean sentence vectors of the last intermediate training's texts and of the "
    "target's, from the pretrained encoder (Vu et al. 2020)",
    "subword_overlap": "the share of the subwords of the target's texts that occur in those of the last intermediate "
    "training",
}
"""Measured predictors of transfer in words."""
SECONDS_PER_HOUR = 3600


def methods_text(data: RunData, results: Results, contrasts: pd.DataFrame | None = None) -> str:
    """The file methods.md: a paragraph for a paper, the fingerprints of models and data, and references.

    `contrasts` is the `contrast_table` of the run, None for a space without contrasts. Every number comes from the
    space and the records of the run. A quantity that no record has is left out.
    """
    space = data.space
    planned = () if contrasts is None else _contrasts(space, contrasts)
    paragraph = " ".join(
        sentence
        for section in (
            *(_design(space, results), _scores(space, results), _statistics(results), planned, _slopes(results)),
            *(_predictors(data), _cartography(data), _cost(data)),
        )
        for sentence in section
        if sentence
    )
    lines = ["# Methods", "", paragraph, "", "## Models and data", "", *_fingerprints(data), "", "## References", ""]
    return "\n".join([*lines, *(f"- {reference}" for reference in _references(paragraph))]) + "\n"


def _source_of(model: Model) -> str:
    """The id of a model with its revision, and the number of its layers if it is cut."""
    revision = f" at {model.revision}" if model.revision else ""
    return f"{model.id}{revision}{f', lowest {model.layers} layers' if model.layers else ''}"


def _design(space: Space, results: Results) -> Iterator[str]:
    models = ", ".join(f"{model.name} ({_source_of(model)})" for model in space.models)
    trained = [recipe.name for recipe in space.recipes if recipe.stages]
    scores = results.matrix.scores.reindex(trained)
    recipes = _of_planned(int(scores.notna().any(axis=1).sum()), len(trained), "intermediate training")
    targets = _of_planned(int(scores.notna().any(axis=0).sum()), len(space.targets), "target task")
    yield f"We measured the transfer of {recipes} to {targets} with {models}."
    if protocol.has_dials(space):
        yield f"Dials were searched: {protocol.search_sentence(space)}."
    else:
        yield "No dials were searched, because no stage and no target has dials."
    yield from protocol.selection_sentences(space)
    done = results.seeds_done
    numbers = ", ".join(map(str, done))
    missing = "" if len(done) >= len(space.seeds) else f"; the space asks for {len(space.seeds)}"
    if done:
        yield f"Each training was repeated with {_num(len(done), 'seed')} ({numbers}{missing})."
    else:
        yield f"Each training is to be repeated with {_num(len(space.seeds), 'seed')}; none of them has a score yet."
    if protocol.has_draws(space):
        yield "Each seed also has its own draw of the training and evaluation data."


def _scores(space: Space, results: Results) -> Iterator[str]:
    by_metric: dict[str, list[str]] = {}
    for target in space.targets:
        by_metric.setdefault(SCORERS[space.task(target.task).scorer].label, []).append(target.task)
    metrics = "; ".join(f"{metric}: {', '.join(names)}" for metric, names in by_metric.items())
    languages = _languages(results)
    yield f"Scores are those of the {space.evaluate} split ({metrics}), averaged over languages ({languages})."
    caps = [f"{space.eval_cap:,}"] if space.eval_cap else []
    caps += [f"{target.eval_cap:,} on {target.task}" for target in space.targets if target.eval_cap]
    if caps:
        yield f"Evaluation items per language were limited to {', and to '.join(caps)}."


def _statistics(results: Results) -> Iterator[str]:
    cells = mean_estimates(results.estimates)
    if cells["gain"].isna().all():
        yield "No gain can be computed yet." if results.matrix.reference else "Without a baseline, there is no gain."
        return
    yield f"A gain is the difference from {results.matrix.reference_words} with the same seed."
    yield _variances(cells[cells["se_seed"].notna()])
    yield from _intervals(cells)
    if cells["q"].notna().any():
        yield (
            "p values of complete cells whose recipe does not train on the target's own rows are corrected for their "
            "number (Benjamini and Hochberg 1995)."
        )
    if results.correlations.recipes["rho"].notna().any() or results.correlations.targets["rho"].notna().any():
        yield (
            "Correlations between gains are Pearson correlations across disjoint halves of the seeds with permutation "
            "p."
        )
    if cells["se_seed"].notna().any():
        yield "The best recipes are those that a range test (Tukey 1953) does not distinguish from the best."
    if results.leaders.rows["corrected"].notna().any():
        yield "Named gains are corrected for selection with a spike-and-normal empirical Bayes prior."


def _contrasts(space: Space, table: pd.DataFrame) -> Iterator[str]:
    """How the planned comparisons with an estimate were computed and tested."""
    estimated = table[table["estimate"].notna()]
    if estimated.empty:
        return
    num, of_slopes = estimated["contrast"].nunique(), estimated["covariate"] != ""
    yield (
        f"{_num(num, 'planned contrast')} {'was' if num == 1 else 'were'} computed seed by seed as weighted sums of "
        "scores whose weights add up to 0."
    )
    if of_slopes.any():
        covariates = ", ".join(dict.fromkeys(estimated.loc[of_slopes, "covariate"]))
        yield f"Contrasts on a covariate ({covariates}) are least-squares slopes."
    if (estimated["unit"] != "points").any():
        yield (
            "Relative contrasts divide by the mean score or headroom of a recipe for each model and target; intervals "
            "treat this divisor as known."
        )
    if estimated["p_holm"].notna().any():
        yield "p values of contrasts are corrected within their family (Holm 1979); their intervals are not."
    tested = claim_table(space.claims, table)["p"].notna().sum()
    if tested:
        yield (
            f"{_num(int(tested), 'claim')} {'was' if tested == 1 else 'were'} tested with the largest one-sided p of "
            "the contrasts that each needs (intersection-union test, Berger 1982), corrected for the number of claims "
            "(Holm 1979)."
        )


def _slopes(results: Results) -> Iterator[str]:
    """How gains were related to properties of languages."""
    table = results.language_traits.slopes
    table = table[table["trait"].isin(list(NUMBERS)) & table["slope"].notna()]
    if table.empty:
        return
    traits = set(table["trait"])
    kinds = [kind for kind in KINDS if kind in traits]
    names = [f"{', '.join(kinds)} distance from English (Khan et al. 2025)"] if kinds else []
    names += [label for trait, label in NUMBERS.items() if trait in traits and trait not in KINDS]
    few, many = table["n"].min(), table["n"].max()
    num = f"{few} to {many}" if few < many else str(few)
    yield (
        "Gains of languages, adjusted for the cells that have each language, were regressed on each of the following "
        f"properties separately, with and without English, over the languages that have it (n = {num}): the "
        f"{', the '.join(names)}. Intervals of slopes are jackknife intervals over languages, and p is the "
        "permutation p of Spearman's correlation."
    )


def _predictors(data: RunData) -> Iterator[str]:
    """The predictors of transfer that the run computed."""
    computed = set(data.predictors["predictor"])
    names = [text for name, text in PREDICTORS.items() if name in computed]
    if names:
        yield f"Predictors of transfer were computed from forward passes over training examples: {'; '.join(names)}."


def _cartography(data: RunData) -> Iterator[str]:
    if any(record.dynamics for record in data.replicates):
        yield (
            "Data maps of intermediate tasks (Swayamdipta et al. 2020) show the probabilities of gold labels in the "
            "forward passes of the training."
        )


def _of_planned(num: int, planned: int, word: str) -> str:
    """`3 of 5 planned intermediate trainings`, or `5 intermediate trainings` if all of them have scores."""
    return _num(num, word) if num == planned else f"{num} of {planned} planned {word}s"


def _languages(results: Results) -> str:
    """The scored languages, with the targets that have them unless all targets have the same ones."""
    targets: dict[tuple[str, ...], list[str]] = {}
    for coverage in results.coverage:
        targets.setdefault(coverage.scored, []).append(coverage.target)
    texts = {languages: ", ".join(languages) or "none yet" for languages in targets}
    if len(texts) == 1:
        return next(iter(texts.values()))
    return "; ".join(f"{texts[languages]}: {', '.join(names)}" for languages, names in targets.items())


def _intervals(cells: pd.DataFrame) -> Iterator[str]:
    """What the intervals of the mean estimates cover."""
    bases, has_items = cells["basis"], cells["se_item"].notna()
    kinds = np.select([bases == "seeds", bases == "items", has_items], [_SEEDS, _ITEMS, _CROSSED], default=_OWN)
    groups = cells.assign(kind=kinds)[bases != ""].groupby("kind")["target"]
    targets = {str(kind): list(dict.fromkeys(names)) for kind, names in groups}
    if not targets:
        yield "No gain has an interval."
        return
    is_sum = cells["se_seed"].notna() & cells["is_moderated"]
    yield f"95 % intervals use Student's t{f' with degrees of freedom by {SATTERTHWAITE}' if is_sum.any() else ''}."
    if (cells["se_seed"].notna() & cells["se_item"].notna()).any():
        yield "Where they cover both, intervals over seeds and over items are combined (Zou and Donner 2008)."
    for kind, names in targets.items():
        where = "Those on " + ", ".join(names) if len(targets) > 1 else "They"
        yield f"{where} cover {kind}."


SATTERTHWAITE = "Satterthwaite 1946"
_CROSSED, _OWN, _SEEDS, _ITEMS = (
    "new seeds and new items: the variance over seeds plus a paired jackknife variance over items minus the part that "
    "both contain",
    "new seeds and new items, because each seed has its own items",
    "new seeds only, because the ledger has no outcomes of items",
    "new items only, because these cells have one seed",
)
"""What intervals cover, and why."""


def _variances(cells: pd.DataFrame) -> str:
    """How the variances over seeds of the cells with an interval over seeds were estimated."""
    moderated = (
        "Variances over seeds are moderated over the recipes of a target after the common effect of each seed is "
        f"removed (Smyth 2004), with at most {CAP:g} times their own degrees of freedom"
    )
    plain = cells.loc[~cells["is_moderated"], "target"]
    if cells.empty:
        return ""
    if len(plain) == len(cells):
        return (
            "Intervals over seeds are those of paired t tests (Student 1908), because the matrix is too small for "
            "moderated variances."
        )
    if plain.empty:
        return f"{moderated}."
    freedom = sorted({int(num) - 1 for num in cells.loc[~cells["is_moderated"], "num_seeds"]})
    words = "degree" if freedom == [1] else "degrees"
    return (
        f"{moderated}; the {_num(len(plain), 'cell')} on {', '.join(dict.fromkeys(plain))} have paired t tests with "
        f"{' or '.join(map(str, freedom))} {words} of freedom instead."
    )


def _cost(data: RunData) -> Iterator[str]:
    done = [record for record in data.trainings if record.timing.get("total")]
    versions = _values(done, "torch", "PyTorch {}"), _values(done, "transformers", "transformers {}")
    yield f"We used the transfer sweeper {__version__}{''.join(f', {text}' for text in versions if text)}."
    devices = sorted({record.machine["device"] for record in done if record.machine.get("device")})
    if devices:
        yield f"Devices: {', '.join(devices)}."
    gpu = sum(record.timing["total"] * record.spec.resources.gpus for record in done) / SECONDS_PER_HOUR
    cpu = sum(record.timing["total"] for record in done if not record.spec.resources.gpus) / SECONDS_PER_HOUR
    failed = len(data.failed)
    if done:
        parts = ((f"{gpu:.1f} GPU hours", gpu), (f"{cpu:.1f} CPU worker-hours", cpu))
        hours = " and ".join(text for text, value in parts if value)
        ended = f"; {failed} of them failed" if failed else ""
        yield f"The {len(data.trainings):,} trainings took {hours or 'less than a minute'}{ended}."


def _values(records: Iterable[TrainingRecord], name: str, form: str) -> str:
    """The versions of a library in the records."""
    identities_of = sorted({record.machine[name] for record in records if record.machine.get(name)})
    return form.format(" and ".join(identities_of)) if identities_of else ""


def _fingerprints(data: RunData) -> Iterator[str]:
    """The identities of the pretrained models and of the data of each task, from the records."""
    models = {r.spec.model.name: r.spec.model for r in data.trainings}
    for name, model in sorted(models.items()):
        yield f"- model {name}: {model.identity or 'no identity was recorded'}"
    specs = chain.from_iterable(stage.data for record in data.replicates for stage in record.spec.chain)
    scored = (score.data for record in data.replicates for score in record.spec.scores)
    identities_of: dict[str, set[str]] = {}
    for spec in (*specs, *scored):
        if spec.identity:
            identities_of.setdefault(f"{spec.task} ({spec.part})", set()).add(spec.identity)
    for name, identities in sorted(identities_of.items()):
        shown = sorted(identities)
        more = f" and {len(shown) - 3} more draws" if len(shown) > 3 else ""
        yield f"- data {name}: {', '.join(shown[:3])}{more}"


def _references(paragraph: str) -> Iterator[str]:
    """The study whose design is repeated, and the works that the paragraph cites."""
    yield "Please cite the software (CITATION.cff) together with the study whose design it repeats:"
    yield CITATION
    yield from (f"{name}: {title}" for name, title in REFERENCES.items() if name in paragraph)


def _num(num: int, word: str) -> str:
    return f"{num} {word}" if num == 1 else f"{num} {word}s"
