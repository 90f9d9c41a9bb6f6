"""Conditions: circumstances under which a trained target is scored again, with perturbed evaluation examples."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from sweeper.errors import UserError, unknown
from sweeper.formats.table import properties_of
from sweeper.tasks.spec import RowsByLanguage, Task
from sweeper.typed import check_fields

CLEAN = "clean"
"""The usual condition: evaluation data as they were published."""
PerturbationName = Literal[
    "keyboard",
    "diacritics",
    "spacing",
    "null_input",
    "distractor",
    "code_mix",
    "entity_swap",
    "paraphrase",
]
Side = Literal["either", "before", "after"]
"""Where a distractor is inserted into a context."""
Need = Literal["words", "spaces", "input", "context", "question", "entities"]
"""What a perturbation edits. A format says which of them it allows (`Properties.edits`)."""
NEEDS: Mapping[PerturbationName, Need] = {
    "keyboard": "words",
    "diacritics": "words",
    "spacing": "spaces",
    "null_input": "input",
    "distractor": "context",
    "code_mix": "words",
    "entity_swap": "entities",
    "paraphrase": "question",
}
"""Perturbation -> what it edits."""
SOURCED = ("distractor", "code_mix", "paraphrase")
"""Perturbations that use another language."""
MADE_BY = ("code_mix", "paraphrase")
"""Perturbations that need a file of word pairs or a translator."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One perturbation of the evaluation examples of a target. Labels and gold answers stay as they are.

    keyboard: a letter is replaced by one beside it on the keyboard of its script, or swapped with the next one.
    diacritics: combining marks are removed. spacing: a space is removed, or one is inserted. null_input: the text of a
    classification, the prompt of a choice, the question of a context or every tagged word is replaced by nothing or by
    one fixed word. distractor: a sentence of another context that shares most words with the question is inserted
    beside the context. code_mix: words are replaced by their translations. entity_swap: entities are replaced by others
    of their type. paraphrase: a question is translated into another language and back.
    """

    name: str
    perturbation: PerturbationName
    budget: float = 0.1
    """Share of the words that are changed, 0 to 1, chosen by a hash: a larger budget includes the changes of a smaller
    one. For `distractor` and `paraphrase` the share of the examples, for `code_mix` that of the words with a
    translation, for `entity_swap` that of the entities. `null_input` always changes everything."""
    languages: tuple[str, ...] = ()
    """Evaluation languages under this condition. Empty: all languages of the target; for `code_mix` and `paraphrase`
    without that of the translations."""
    source: str = ""
    """`distractor`: the language of the inserted sentences. Empty: the language of the example. `code_mix`: the
    language of the translations. Empty: English. `paraphrase`: the language between the two translations. Empty:
    English."""
    by: str = ""
    """`code_mix`: a file of word pairs with lines such as de<TAB>Haus<TAB>en<TAB>house. `sweeper align` can write it. A
    relative path starts from the folder of the space file. `paraphrase`: an M2M100 or NLLB model, or `folder:PATH` with
    existing translations in both directions (see `Translation.by`)."""
    revision: str | None = None
    """`paraphrase`: pinned commit or ref of the model on the Hub."""
    seed: int = 0
    side: Side = "either"
    """`distractor`: inserted before or after the context; "either": on one of both sides, chosen by a hash."""

    def __post_init__(self) -> None:
        check_fields(self)
        if not self.name or self.name == CLEAN or "/" in self.name:
            raise UserError(
                f"A condition needs a name without '/' that is not {CLEAN!r}, which means unchanged data; got "
                f"{self.name!r}."
            )
        if not 0 < self.budget <= 1:
            raise UserError(f"A condition needs 0 < budget <= 1, got {self.budget} (condition {self.name!r}).")
        if self.source and self.perturbation not in SOURCED:
            raise UserError(
                f"Only the perturbations {' and '.join(map(repr, SOURCED))} have a source, got source = "
                f"{self.source!r} in condition {self.name!r} ({self.perturbation})."
            )
        if self.side != "either" and self.perturbation != "distractor":
            raise UserError(
                f"Only the perturbation 'distractor' has a side, got side = {self.side!r} in condition {self.name!r} "
                f"({self.perturbation}). Remove it."
            )
        if (self.perturbation in MADE_BY) != bool(self.by):
            raise UserError(
                "The perturbations 'code_mix' (a file of word pairs) and 'paraphrase' (a translator) need `by`, and no "
                f"other one has it; got by = {self.by!r} in condition {self.name!r} ({self.perturbation})."
            )
        if self.perturbation == "paraphrase" and "{language}" in self.by:
            raise UserError(
                f"A paraphrase needs one model for both directions, got by = {self.by!r} in condition {self.name!r}. "
                "Use an M2M100 or NLLB model, or folder:PATH."
            )

    @property
    def other_language(self) -> str:
        """The language of translations, in which no example can be; "" for perturbations without translations."""
        return (self.source or "en") if self.perturbation in MADE_BY else ""

    def languages_of(self, scored: Iterable[str]) -> tuple[str, ...]:
        """Those of the scored languages that have a score under this condition."""
        return tuple(
            name for name in scored if name != self.other_language and (not self.languages or name in self.languages)
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
    if condition.perturbation == "entity_swap" and not any(label.startswith("B-") for label in task.labels or ("B-",)):
        raise UserError(
            f"The perturbation 'entity_swap' needs tags of entities such as B-PER, and {task.name!r} has none."
        )
    if condition.other_language and condition.other_language in condition.languages:
        raise UserError(
            f"Condition {condition.name!r} translates into {condition.other_language!r}. Remove that language from its "
            "languages, or name another one in `source`."
        )
    if condition.perturbation == "distractor" and condition.source and condition.source not in rows_by_language:
        raise unknown(f"{split} language of {task.name!r}", condition.source, rows_by_language)
