"""The marks of cells, and the signs that show them in figures and tables."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sweeper.space import Space
from sweeper.space.overlap import SourceIndex, overlap_of

DAGGER = "†"
"""Same rows: the recipe trains on rows that the target also trains on, or is scored on."""
SECTION = "§"
"""Same items: the recipe trains on items of the target's training data in another language."""
DEGREE = "°"
"""Not zero-shot: the recipe, and not the target, trains on labelled examples in an evaluation language."""
DOUBLE_DAGGER = "‡"
"""The dev and test split of the target are the same rows."""
STAR = "*"
"""At least one seed of the cell lacks languages of its column."""
PILCROW = "¶"
"""The cell lacks some of the replicate seeds."""


@dataclass(frozen=True, kw_only=True)
class Marks:
    """The marks of the cells of a space: (recipe, target) -> what the mark refers to. Other cells are left out."""

    same_rows: Mapping[tuple[str, str], tuple[str, ...]]
    """Tasks of the recipe with rows that the target trains on too, or is scored on. Summaries leave these cells out."""
    same_items: Mapping[tuple[str, str], tuple[str, ...]]
    """Tasks of the recipe with the target's training items in another language. Summaries include these cells."""
    not_zero_shot: Mapping[tuple[str, str], tuple[str, ...]]
    """Evaluation languages in which the recipe, and not the target, trains. The mean of such a language over recipes
    leaves the cell out."""

    def signs(self, recipe: str, target: str) -> str:
        """The signs of a cell."""
        kinds = ((DAGGER, self.same_rows), (SECTION, self.same_items), (DEGREE, self.not_zero_shot))
        return "".join(sign for sign, cells in kinds if (recipe, target) in cells)

    def of_row(self, recipe: str, targets: Iterable[str]) -> str:
        """The signs that occur in the cells of a recipe on the targets."""
        occurring = "".join(self.signs(recipe, target) for target in targets)
        return "".join(sign for sign in (DAGGER, SECTION, DEGREE) if sign in occurring)


def marks_of(space: Space) -> Marks:
    """The marks of all cells of a space."""
    sources = SourceIndex(space.catalog())
    cells = {
        (recipe.name, target.task): overlap_of(space, recipe, target, sources)
        for recipe in space.recipes
        for target in space.targets
    }
    return Marks(
        same_rows={cell: overlap.same_rows for cell, overlap in cells.items() if overlap.same_rows},
        # A cell with the same rows has that mark only.
        same_items={
            cell: overlap.same_items for cell, overlap in cells.items() if overlap.same_items and not overlap.same_rows
        },
        not_zero_shot={cell: overlap.not_zero_shot for cell, overlap in cells.items() if overlap.not_zero_shot},
    )
