"""Remarks on a submission: what was not checked, what is not zero-shot, and how recipes of retrieval were chosen."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sweeper.space import Space
from sweeper.tasks.benchmarks import XTREME, Benchmark

from ..results.marks import marks_of
from ..results.matrix import Cell


def unchecked_note(files: Sequence[str], benchmark: Benchmark) -> Iterator[str]:
    """A note on the files whose number of sentences could not be compared with anything."""
    if files:
        remedy = (
            " --gold DIR names the folder that `python -m sweeper.data.treebanks` wrote (local/udpos in the working "
            "directory)."
        )
        yield (
            f"{files[0].split('/')[0]}: the number of sentences was not checked in {len(files)} languages, because no "
            "published number is known and no copy of the data was found. The scorer of the benchmark rejects any "
            f"other number than its own.{remedy if benchmark is XTREME else ''}"
        )


def language_notes(space: Space, cells: Mapping[str, Cell]) -> Iterator[str]:
    """A note for each folder whose recipe is not zero-shot in some of its languages. `cells` maps folders to cells."""
    languages = marks_of(space).not_zero_shot
    for folder, (recipe, target) in cells.items():
        if trained := languages.get((recipe, target)):
            yield (
                f"{folder}: the recipe {recipe} trains on labelled examples in {', '.join(trained)}. Its predictions "
                "in these languages are not zero-shot."
            )


def retrieval_note(space: Space, targets: Iterable[str], benchmark: Benchmark) -> Iterator[str]:
    """A note that the best recipes of retrieval targets were chosen by other targets."""
    names = [name for name in targets if not space.task(name).training_task]
    if names:
        yield (
            f"{', '.join(names)}: retrieval trains nothing and has no selection value. The recipe is the one with the "
            f"highest mean selection value over the {benchmark.title} targets of the run that train. --recipe RECIPE "
            f"--targets {','.join(names)} --out DIR writes another one."
        )
