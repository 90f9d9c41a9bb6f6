"""The perturbations of examples by name, and their application to the examples of one language."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from sweeper.data.perturb import noise
from sweeper.data.perturb.distractor import Distractors, with_distractor
from sweeper.data.perturb.draws import Draws
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
Source = Callable[[], Iterable[Example]]
"""Returns the examples that distractors come from."""


def perturbed(examples: Iterable[Example], spec: PerturbationSpec, task: Task, source: Source) -> Iterator[Example]:
    """The examples with the same ids, labels and answers, and perturbed texts. The order stays.

    Every choice depends on the seed of the perturbation, the id of the example and its text, and not on other examples.
    """
    assert NEEDS[spec.name] in properties_of(task).edits, f"{task.format} does not allow {spec.name}."
    perturb = _distracted(spec, source) if spec.name == "distractor" else _noisy(spec, task)
    for example in examples:
        draws = _draws(spec, example)
        yield perturb(example, draws) if draws.share("perturbed") < spec.share else example


Perturb = Callable[[Example, Draws], Example]


def _noisy(spec: PerturbationSpec, task: Task) -> Perturb:
    edited, make = properties_of(task).edited, NOISE[spec.name]
    assert edited is not None
    return lambda example, draws: edited(example, make(draws, spec.budget))


def _distracted(spec: PerturbationSpec, source: Source) -> Perturb:
    distractors = Distractors(source())

    def perturb(example: Example, draws: Draws) -> Example:
        has_one = draws.share("example") < spec.budget
        return with_distractor(example, distractors.best(example, draws), draws) if has_one else example

    return perturb


def _draws(spec: PerturbationSpec, example: Example) -> Draws:
    return Draws(name=f"{spec.name}:{spec.seed}:{example.id}")
