"""Changes of training and evaluation data in a run as sentences for a paper: noise, defences, conditions, twins."""

from collections.abc import Callable, Iterator, Mapping

import pandas as pd

from sweeper.space import Condition, Space
from sweeper.space.condition import PerturbationName

from ..results.chance import without_input
from .methods_statistics import counted
from .protocol import Trained, listed, trainings

CHANGES: Mapping[PerturbationName, str] = {
    "keyboard": "keyboard errors in {budget} of the words",
    "diacritics": "no combining marks in {budget} of the words",
    "spacing": "wrong spaces at {budget} of the words",
    "null_input": "no input",
    "code_mix": "{budget} of the words with a known translation replaced by that in {source}",
    "entity_swap": "{budget} of the entities replaced by others of their type",
    "paraphrase": "the questions of {budget} of the examples translated into {source} and back by {by}",
    "distractor": "in {budget} of the examples a sentence of another context {side} the context (in the manner of Jia "
    "and Liang 2017)",
}
"""Perturbation -> what it changes."""
SIDES = {"either": "before or after", "before": "before", "after": "after"}


def training_sentences(space: Space) -> Iterator[str]:
    """How training data and training steps were changed."""
    yield from _noise_sentences(space)
    yield from _defence_sentences(space)


def condition_sentences(space: Space, conditions: pd.DataFrame | None) -> Iterator[str]:
    """Scores on other data than the published ones. `conditions` is the table of `robustness`, None before a score."""
    yield from _condition_sentences(space)
    if conditions is not None and len(conditions):
        yield from _drop_sentences(conditions, has_empty=bool(without_input(space)))
    yield from _twin_sentences(space)


def change_text(condition: Condition) -> str:
    """What a condition changes, in words."""
    source = condition.source or ("" if condition.perturbation == "distractor" else "en")
    text = CHANGES[condition.perturbation].format(
        budget=f"{100 * condition.budget:g} %", source=source, by=condition.by, side=SIDES[condition.side]
    )
    clauses = [f"sentences in {source}"] if condition.perturbation == "distractor" and source else []
    clauses += [f"in {', '.join(condition.languages)} only"] if condition.languages else []
    clauses += [f"seed {condition.seed}"] if condition.seed else []
    return ", ".join([text, *clauses])


def _noise_sentences(space: Space) -> Iterator[str]:
    doses = _owners(space, lambda trained: f"{100 * trained.stage.label_noise:g} %" if trained.stage else "", "0 %")
    if doses:
        yield (
            "In training, the label of an example was replaced with a fixed probability by another label, drawn "
            f"uniformly ({_by_value(doses)}); selection data kept their labels."
        )


def _defence_sentences(space: Space) -> Iterator[str]:
    perturbed = _owners(space, _perturbed, "")
    if perturbed:
        yield f"A part of the training examples was perturbed ({_by_value(perturbed)}); selection data were not."
    noise = _owners(space, _option("embedding_noise"), "0")
    if noise:
        yield f"Uniform noise was added to token embeddings in training (Jain et al. 2024; alpha: {_by_value(noise)})."
    steps = _owners(space, _option("adversarial"), "0")
    if steps:
        yield (
            "The training loss was the mean of that without and with an adversarial step on the token embeddings "
            f"(Goodfellow et al. 2015; Miyato et al. 2017; L2 norm: {_by_value(steps)})."
        )


def _perturbed(trained: Trained) -> str:
    stage = trained.stage
    if stage is None or stage.perturbation is None:
        return ""
    return f"{100 * stage.perturbed_share:g} % with {change_text(stage.perturbation)}"


def _option(name: str) -> Callable[[Trained], str]:
    """The value of an option of a training; `searched` if it is a dial."""
    return lambda trained: "searched" if name in trained.dials else f"{getattr(trained.training, name):g}"


def _owners(space: Space, value_of: Callable[[Trained], str], default: str) -> dict[str, list[str]]:
    """Value -> the recipes and targets that have it, without the default one."""
    owners: dict[str, list[str]] = {}
    for trained in trainings(space):
        value = value_of(trained)
        owner = trained.owner + (f" with {trained.model}" if trained.model else "")
        if value not in ("", default) and owner not in owners.setdefault(value, []):
            owners[value].append(owner)
    return owners


def _by_value(owners: Mapping[str, list[str]]) -> str:
    """`value: owners; value: owners`."""
    return "; ".join(f"{value}: {', '.join(map(_quoted, names))}" for value, names in owners.items())


def _quoted(name: str) -> str:
    """A name, in quotation marks if it contains a separator of the list."""
    return f'"{name}"' if {",", ";", ":"} & set(name) else name


def _condition_sentences(space: Space) -> Iterator[str]:
    targets: dict[tuple[Condition, ...], list[str]] = {}
    for target in space.targets:
        if target.conditions:
            targets.setdefault(target.conditions, []).append(target.task)
    for conditions, names in targets.items():
        texts = "; ".join(f"{_quoted(condition.name)}: {change_text(condition)}" for condition in conditions)
        plural = "s" * (len(conditions) > 1)
        yield f"Scores on {listed(names)} exist under {len(conditions)} further condition{plural} ({texts})."


def _drop_sentences(table: pd.DataFrame, *, has_empty: bool) -> Iterator[str]:
    """How the measures of the table of robustness were computed, as far as it has them."""
    other = ", or not above the score of the same recipe without input" if has_empty else ""
    yield (
        "The drop under a condition is the clean score minus the score under it, with the same model and items; its "
        "interval is about new seeds and new items, without a correction for the number of drops. There is no drop if "
        f"the clean score is not above the trivial score by two standard errors{other}."
    )
    if table["success"].notna().any():
        yield (
            "The success of an attack is the share of examples that become wrong, among those that the recipe answers "
            "correctly when clean in the same seed. Recipes are compared on the examples that all of them answer "
            "correctly. Recipes at chance are left out."
        )
    if table["worst"].notna().any():
        most = table["num_attacks"].max()
        yield (
            "The worst score takes the lowest score of each example under clean data and "
            f"{f'up to {most:.0f} attacks' if most > 1 else 'the attack'}, each with its largest budget."
        )


def _twin_sentences(space: Space) -> Iterator[str]:
    if not space.twins:
        return
    yield (
        f"Twins of {counted(len(space.twins), 'recipe')} had the same labels, but no input in training, selection and "
        "scoring. Usable information is the mean log-probability of the gold answer minus that of the twin, in nats "
        "(Ethayarajh et al. 2022)."
    )
    if any(recipe.stages[-1].label_noise for recipe in space.recipes if recipe.name in space.twins):
        yield "With label noise, both were scored on dev labels with as much noise."
