"""The perturbations of examples by name, and their application to the examples of one language."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from sweeper.data.perturb import noise
from sweeper.data.perturb.code_mix import WordPairs, code_mix
from sweeper.data.perturb.distractor import NO_TRANSLATIONS, Distractors, translations_of, with_distractor
from sweeper.data.perturb.draws import Draws
from sweeper.data.perturb.entities import Entities
from sweeper.data.perturb.paraphrase import Paraphraser, paraphrased
from sweeper.formats.edits import Substitute
from sweeper.formats.interface import Example
from sweeper.formats.table import properties_of
from sweeper.records.spec import PerturbationSpec
from sweeper.space.condition import NEEDS
from sweeper.tasks.spec import Task

NOISE: Mapping[str, Callable[[Draws, float], Substitute]] = {
    "keyboard": noise.keyboard,
    "diacritics": noise.diacritics,
    "spacing": noise.spacing,
    "null_input": noise.null_input,
}
"""Perturbation -> the substitutions that it makes."""


class Inputs(Protocol):
    """What a perturbation reads besides the example itself. Each call of a method reads the data again."""

    def examples(self) -> Iterable[Example]:
        """The examples that distractors or entities come from."""
        ...

    def parallel(self) -> tuple[Iterable[Example], Iterable[Example]]:
        """All examples of the own language, and of the language that distractors come from, without caps."""
        ...

    def pairs(self) -> WordPairs:
        """The translations of words."""
        ...

    def paraphraser(self) -> Paraphraser:
        """Paraphrases texts of the language of the examples."""
        ...


Perturb = Callable[[Example, Draws], Example]


def perturbed(examples: Iterable[Example], spec: PerturbationSpec, task: Task, inputs: Inputs) -> Iterator[Example]:
    """The examples with the same ids, labels and answers, and perturbed texts. The order stays.

    Every choice depends on the seed of the perturbation, the id of the example and its text. Distractors and entities
    also depend on the other examples.
    """
    assert NEEDS[spec.name] in properties_of(task).edits, f"{task.format} does not allow {spec.name}."
    if spec.name == "paraphrase":
        chosen = ((example, _is_paraphrased(spec, example)) for example in examples)
        yield from paraphrased(chosen, inputs.paraphraser())
        return
    perturb = OTHERS[spec.name](spec, inputs) if spec.name in OTHERS else _edited(spec, task, inputs)
    for example in examples:
        draws = _draws(spec, example)
        yield perturb(example, draws) if draws.share("perturbed") < spec.share else example


def _edited(spec: PerturbationSpec, task: Task, inputs: Inputs) -> Perturb:
    edited, make = properties_of(task).edited, code_mix(inputs.pairs()) if spec.by else NOISE[spec.name]
    assert edited is not None
    return lambda example, draws: edited(example, make(draws, spec.budget))


def _is_paraphrased(spec: PerturbationSpec, example: Example) -> bool:
    draws = _draws(spec, example)
    return draws.share("perturbed") < spec.share and draws.share("example") < spec.budget


def _distracted(spec: PerturbationSpec, inputs: Inputs) -> Perturb:
    translations = translations_of(*inputs.parallel()) if spec.leaves_out_translations else NO_TRANSLATIONS
    distractors = Distractors(inputs.examples(), translations)

    def perturb(example: Example, draws: Draws) -> Example:
        has_one = draws.share("example") < spec.budget
        return with_distractor(example, distractors.best(example, draws), draws, spec.side) if has_one else example

    return perturb


def _swapped(spec: PerturbationSpec, inputs: Inputs) -> Perturb:
    entities = Entities(inputs.examples())
    return lambda example, draws: entities.swapped(example, draws, spec.budget)


OTHERS: Mapping[str, Callable[[PerturbationSpec, Inputs], Perturb]] = {
    "distractor": _distracted,
    "entity_swap": _swapped,
}
"""Perturbation -> its change of an example, for those that need more than substitutions in one text."""


def _draws(spec: PerturbationSpec, example: Example) -> Draws:
    return Draws(name=f"{spec.name}:{spec.seed}:{example.id}")
