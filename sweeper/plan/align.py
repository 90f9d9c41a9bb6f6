"""A file of word pairs for code-mixing, aligned from the parallel sentences of a retrieval task: `sweeper align`."""

from collections.abc import Iterator

from sweeper.data.perturb.align import word_pairs
from sweeper.data.source import Sources, available_languages
from sweeper.data.survey import read_examples
from sweeper.errors import UserError
from sweeper.space import Space
from sweeper.tasks.spec import Split

SENTENCES = ("source", "target")
"""Fields of an example with two parallel sentences."""


def aligned(space: Space, name: str, sources: Sources) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Each language of a task with its words and their translations.

    Raises UserError if the task is unknown or has no parallel sentences, DataError if its rows are missing.
    """
    task = space.task(name).drawn(space.seeds[0])
    split: Split = "test" if task.test else "dev"
    for language in available_languages(task, split, sources):
        examples = [example for found in read_examples(task, split, language, sources) for example in found]
        if not examples or not all(field in examples[0].fields for field in SENTENCES):
            raise UserError(
                f"Task {name!r} has no pairs of parallel sentences. Use a task of format retrieve with the columns "
                "`source` and `target`, such as tatoeba."
            )
        first, second = SENTENCES
        yield language, word_pairs((example.fields[first], example.fields[second]) for example in examples)
