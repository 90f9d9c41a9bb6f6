"""Wrong labels in training examples, as a dose of noise: a label is replaced by another one of the same task."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from sweeper.data.perturb.draws import Draws
from sweeper.formats.interface import Example
from sweeper.formats.table import properties_of
from sweeper.records.spec import LabelNoiseSpec
from sweeper.tasks.spec import Task


def with_noisy_labels(
    examples: Iterable[Example], spec: LabelNoiseSpec, task: Task, labels: Sequence[str]
) -> Iterator[Example]:
    """The examples with the same ids and texts. A label is wrong with the probability of the noise.

    The wrong label is drawn uniformly from the others. Both choices depend only on the seed and the id of the example,
    so that a larger probability includes the wrong labels of a smaller one.
    """
    other_labels = properties_of(task).other_labels
    assert other_labels is not None, f"{task.format} has no other labels."
    for example in examples:
        wrong_labels = other_labels(example, labels)
        if not is_noisy(example.id, spec) or not wrong_labels:
            yield example
            continue
        wrong = wrong_labels[_draws(example.id, spec).index("label", len(wrong_labels))]
        yield replace(example, fields={**example.fields, "label": wrong})


def is_noisy(example: str, spec: LabelNoiseSpec | None) -> bool:
    """Whether the example with that id gets a wrong label, if its task has another one."""
    return spec is not None and _draws(example, spec).share("example") < spec.probability


def _draws(example: str, spec: LabelNoiseSpec) -> Draws:
    return Draws(name=f"label_noise:{spec.seed}:{example}")
