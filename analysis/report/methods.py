"""The methods of a run as a text for a paper, from its space and its ledger."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

import pandas as pd

from sweeper import __version__
from sweeper.records.record import TrainingRecord
from sweeper.scoring.scorers import SCORERS
from sweeper.space import Model, Space

from ..results.contrasts import claim_table
from ..results.load import RunData
from ..results.results import Results
from . import protocol
from .methods_data import condition_sentences, training_sentences
from .methods_statistics import counted, slope_sentences, statistics_sentences

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
    "Ethayarajh et al. 2022": "Understanding dataset difficulty with V-usable information. ICML 2022.",
    "Goodfellow et al. 2015": "Explaining and harnessing adversarial examples. ICLR 2015.",
    "Jain et al. 2024": "NEFTune: Noisy embeddings improve instruction finetuning. ICLR 2024.",
    "Jia and Liang 2017": "Adversarial examples for evaluating reading comprehension systems. EMNLP 2017.",
    "Miyato et al. 2017": "Adversarial training methods for semi-supervised text classification. ICLR 2017.",
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


def methods_text(
    data: RunData,
    results: Sequence[Results],
    contrasts: pd.DataFrame | None = None,
    conditions: pd.DataFrame | None = None,
) -> str:
    """The file methods.md: a paragraph for a paper, the fingerprints of models and data, and references.

    `results` are those of all models, `contrasts` is the `contrast_table` of the run, None for a space without
    contrasts, and `conditions` the table of `robustness`, None for a run without a score. Every number comes from the
    space and the records of the run. A quantity that no record has is left out.
    """
    space = data.space
    planned = () if contrasts is None else _contrasts(space, contrasts)
    paragraph = " ".join(
        sentence
        for section in (
            *(_design(space, results), training_sentences(space), _scores(space, results)),
            condition_sentences(space, conditions),
            *(of_models(results, statistics_sentences), planned, of_models(results, slope_sentences)),
            *(_predictors(data), _cartography(data), _cost(data)),
        )
        for sentence in section
        if sentence
    )
    lines = ["# Methods", "", paragraph, "", "## Models and data", "", *_fingerprints(data), "", "## References", ""]
    return "\n".join([*lines, *(f"- {reference}" for reference in _references(paragraph))]) + "\n"


def of_models(results: Sequence[Results], section: Callable[[Results], Iterable[str]]) -> Iterator[str]:
    """The sentences of a section about each model, each once: those of some models only begin with their names."""
    models: dict[str, list[str]] = {}
    places: dict[str, int] = {}
    for result in results:
        for place, sentence in enumerate(filter(None, section(result))):
            models.setdefault(sentence, []).append(result.model)
            places[sentence] = min(place, places.get(sentence, place))
    for sentence in sorted(models, key=places.__getitem__):
        is_general = len(models[sentence]) == len(results)
        yield sentence if is_general else f"With {protocol.listed(models[sentence])}: {sentence}"


def _source_of(model: Model) -> str:
    """The id of a model with its revision, and the number of its layers if it is cut."""
    revision = f" at {model.revision}" if model.revision else ""
    return f"{model.id}{revision}{f', lowest {model.layers} layers' if model.layers else ''}"


def _design(space: Space, results: Sequence[Results]) -> Iterator[str]:
    models = {model.name: f"{model.name} ({_source_of(model)})" for model in space.models}
    measured: dict[str, list[str]] = {}
    for result in results:
        measured.setdefault(_measured(space, result), []).append(models[result.model])
    for text, names in measured.items():
        yield f"We measured the transfer of {text} with {', '.join(names)}."
    if protocol.has_dials(space):
        yield f"Dials were searched: {protocol.search_sentence(space)}."
    else:
        yield "No dials were searched, because no stage and no target has dials."
    yield from protocol.selection_sentences(space)
    yield from of_models(results, lambda result: _seeds(space, result))
    if protocol.has_draws(space):
        yield "Each seed also has its own draw of the training and evaluation data."


def _measured(space: Space, results: Results) -> str:
    """The numbers of recipes and targets that have scores with one model."""
    trained = [recipe.name for recipe in space.recipes if recipe.stages]
    scores = results.matrix.scores.reindex(trained)
    recipes = _of_planned(int(scores.notna().any(axis=1).sum()), len(trained), "intermediate training")
    targets = _of_planned(int(scores.notna().any(axis=0).sum()), len(space.targets), "target task")
    return f"{recipes} to {targets}"


def _seeds(space: Space, results: Results) -> Iterator[str]:
    done = results.seeds_done
    numbers = ", ".join(map(str, done))
    missing = "" if len(done) >= len(space.seeds) else f"; the space asks for {len(space.seeds)}"
    if done:
        yield f"Each training was repeated with {counted(len(done), 'seed')} ({numbers}{missing})."
    else:
        yield f"Each training is to be repeated with {counted(len(space.seeds), 'seed')}; none of them has a score yet."


def _scores(space: Space, results: Sequence[Results]) -> Iterator[str]:
    by_metric: dict[str, list[str]] = {}
    for target in space.targets:
        by_metric.setdefault(SCORERS[space.task(target.task).scorer].label, []).append(target.task)
    metrics = "; ".join(f"{metric}: {', '.join(names)}" for metric, names in by_metric.items())
    split = f"Scores are those of the {space.evaluate} split ({metrics}), averaged over languages"
    yield from of_models(results, lambda result: [f"{split} ({_languages(result)})."])
    caps = [f"{space.eval_cap:,}"] if space.eval_cap else []
    caps += [f"{target.eval_cap:,} on {target.task}" for target in space.targets if target.eval_cap]
    if caps:
        yield f"Evaluation items per language were limited to {', and to '.join(caps)}."


def _contrasts(space: Space, table: pd.DataFrame) -> Iterator[str]:
    """How the planned comparisons with an estimate were computed and tested."""
    estimated = table[table["estimate"].notna()]
    if estimated.empty:
        return
    num, of_slopes = estimated["contrast"].nunique(), estimated["covariate"] != ""
    yield (
        f"{counted(num, 'planned contrast')} {'was' if num == 1 else 'were'} computed seed by seed as weighted sums of "
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
            f"{counted(int(tested), 'claim')} {'was' if tested == 1 else 'were'} tested with the largest one-sided p "
            "of the contrasts that each needs (intersection-union test, Berger 1982), corrected for the number of "
            "claims (Holm 1979)."
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
    return counted(num, word) if num == planned else f"{num} of {planned} planned {word}s"


def _languages(results: Results) -> str:
    """The scored languages, with the targets that have them unless all targets have the same ones."""
    targets: dict[tuple[str, ...], list[str]] = {}
    for coverage in results.coverage:
        targets.setdefault(coverage.scored, []).append(coverage.target)
    texts = {languages: ", ".join(languages) or "none yet" for languages in targets}
    if len(texts) == 1:
        return next(iter(texts.values()))
    return "; ".join(f"{texts[languages]}: {', '.join(names)}" for languages, names in targets.items())


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
