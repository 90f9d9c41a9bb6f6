"""The perturbations of evaluation examples by name, and their application to the examples of one language."""

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
    properties = properties_of(task)
    assert NEEDS[spec.name] in properties.edits, f"{task.format} does not allow {spec.name}."
    if spec.name == "distractor":
        yield from _with_distractors(examples, spec, source)
        return
    edited, make = properties.edited, NOISE[spec.name]
    assert edited is not None
    for example in examples:
        yield edited(example, make(_draws(spec, example), spec.budget))


def _with_distractors(examples: Iterable[Example], spec: PerturbationSpec, source: Source) -> Iterator[Example]:
    distractors = Distractors(source())
    for example in examples:
        draws = _draws(spec, example)
        has_one = draws.share("example") < spec.budget
        yield with_distractor(example, distractors.best(example, draws), draws) if has_one else example


def _draws(spec: PerturbationSpec, example: Example) -> Draws:
    return Draws(name=f"{spec.name}:{spec.seed}:{example.id}")
