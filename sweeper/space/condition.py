"""Conditions: circumstances under which a trained target is scored again, with perturbed evaluation examples."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sweeper.errors import UserError, unknown
from sweeper.formats.table import properties_of
from sweeper.tasks.spec import RowsByLanguage, Task
from sweeper.typed import check_fields

CLEAN = "clean"
"""The usual condition: evaluation data as they were published."""
PerturbationName = Literal["keyboard", "diacritics", "spacing", "null_input", "distractor"]
Need = Literal["words", "spaces", "input", "context"]
"""What a perturbation edits. A format says which of them it allows (`Properties.edits`)."""
NEEDS: Mapping[PerturbationName, Need] = {
    "keyboard": "words",
    "diacritics": "words",
    "spacing": "spaces",
    "null_input": "input",
    "distractor": "context",
}
"""Perturbation -> what it edits."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One perturbation of the evaluation examples of a target. Labels and gold answers stay as they are.

    keyboard: a letter is replaced by one beside it on the keyboard of its script, or swapped with the next one.
    diacritics: combining marks are removed. spacing: a space is removed, or one is inserted. null_input: the text of a
    classification, the prompt of a choice, the question of a context or every tagged word is replaced by nothing or by
    one fixed word. distractor: a sentence of another context that shares most words with the question is inserted
    beside the context.
    """

    name: str
    perturbation: PerturbationName
    budget: float = 0.1
    """Share of the words that are changed, 0 to 1, chosen by a hash: a larger budget includes the changes of a smaller
    one. For `distractor` the share of the examples with a distractor. `null_input` always changes everything."""
    languages: tuple[str, ...] = ()
    """Evaluation languages under this condition. Empty: all languages of the target."""
    source: str = ""
    """`distractor`: the language of the inserted sentences. Empty: the language of the example."""
    seed: int = 0

    def __post_init__(self) -> None:
        check_fields(self)
        if not self.name or self.name == CLEAN or "/" in self.name:
            raise UserError(
                f"A condition needs a name without '/' that is not {CLEAN!r}, which means unchanged data; got "
                f"{self.name!r}."
            )
        if not 0 < self.budget <= 1:
            raise UserError(f"A condition needs 0 < budget <= 1, got {self.budget} (condition {self.name!r}).")
        if self.source and self.perturbation != "distractor":
            raise UserError(
                f"Only the perturbation 'distractor' has a source, got source = {self.source!r} in condition "
                f"{self.name!r} ({self.perturbation})."
            )


def check_perturbation(condition: Condition, task: Task, rows_by_language: RowsByLanguage, split: str) -> None:
    """Raise UserError if the examples of a split of a task cannot be perturbed as the condition asks."""
    edits = properties_of(task).edits
    allowed = [name for name, need in NEEDS.items() if need in edits]
    if condition.perturbation not in allowed:
        raise UserError(
            f"The perturbation {condition.perturbation!r} of condition {condition.name!r} is not defined for "
            f"{task.name!r} (format {task.format!r}). Defined: {', '.join(allowed) or 'none'}."
        )
    if condition.source and condition.source not in rows_by_language:
        raise unknown(f"{split} language of {task.name!r}", condition.source, rows_by_language)
