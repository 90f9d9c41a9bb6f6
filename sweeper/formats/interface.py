"""The interface of a task format, the properties that it declares, and the arrays passed to training and scoring."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from sweeper.formats.fields import Line
from sweeper.scoring.nearest import Search
from sweeper.scoring.scorers import Scored
from sweeper.tasks.spec import Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from sweeper.formats.edits import Substitute

Array = np.ndarray[Any, Any]
PROBLEM = "problem"
"""Field of an example whose labels cannot be right: it takes no part in a training."""
IGNORED = -100
"""Label of a token or feature that the loss skips."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """One item of a data set as its format reads it."""

    id: str
    """Equal for the same item in parallel languages."""
    group: str
    """Paragraph, pair or document: examples of one group are not independent of each other."""
    fields: Mapping[str, Any]
    """Plain JSON values, defined by the format. PROBLEM says why the labels cannot be right. Three names also have a
    meaning for caps and pools (data/sample.py): `keys` marks a candidate, which is kept once per pool with the keys of
    all its rows; `partners`, ids, marks a sentence of a pool, which is kept with its whole group; `side` separates the
    two halves of a pool."""
    filler: bool = False
    """True for a sentence without a partner, which only makes a retrieval pool larger."""


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """Limits of the length of a feature, in tokens including special tokens."""

    max_length: int
    stride: int = 128
    """Tokens shared by neighbouring windows of one long context. Windows of a tagged sentence share none."""


@dataclass(frozen=True, kw_only=True)
class Features:
    """Tokenised items as ragged arrays: n features, t tokens in total, m items (the units of a batch)."""

    tokens: Array
    """(t,) int32: token ids of all features, one after the other."""
    offsets: Array
    """(n + 1,) int64: feature i is tokens[offsets[i]:offsets[i + 1]]."""
    items: Array
    """(m + 1,) int64: item j consists of the features items[j]:items[j + 1]; several for multiple choice and pairs."""
    example: Array
    """(n,) int32: index of the example that a feature belongs to (long texts have several windows)."""
    labels: Mapping[str, Array] = field(default_factory=dict)
    """int32 arrays with the names that the head reads (training/heads.py): one value per token (t,), feature (n,) or
    item (m,). IGNORED means no label."""
    segments: Array | None = None
    """(t,) int8: token type ids, for tokenizers that produce them."""
    extra: Mapping[str, Array] = field(default_factory=dict)
    """(t,) int32 arrays that `decode` needs, defined by the format: character positions, word indices."""


Outputs = Mapping[str, Array]
"""Output arrays of a head for all features, float32 unless the head says otherwise: one value per token (t,) or per
feature (n, ...). The head defines the names (training/heads.py). A format without a head gets `vectors` (n, hidden)."""


@dataclass(frozen=True, kw_only=True)
class LogProbabilities:
    """Natural logarithms of the probabilities of an example's correct answer and of its prediction: float32 (n,).

    nan for an answer that the head cannot give.
    """

    correct: Array
    predicted: Array


@dataclass(frozen=True, kw_only=True)
class PredictedExamples:
    """Examples with one prediction each, as returned by `decode`."""

    examples: Sequence[Example]
    predictions: Sequence[Any]
    log_probabilities: LogProbabilities | None = None
    """None if they were not asked for, or if the format has none."""


@dataclass(frozen=True, kw_only=True)
class ScoreSettings:
    """Settings of a score that its task does not fix. A format uses those that apply to it."""

    similarity: str = "cosine"
    """Parallel sentences: `cosine` or `csls`."""
    fitted_on: PredictedExamples | None = None
    """Mining: the examples that the threshold is fitted on, which may be the scored ones; None: half of the latter."""
    search: Search | None = None
    """Nearest-neighbour search. The result does not depend on it; None: numpy, or faiss if it is installed."""


DEFAULT_SETTINGS = ScoreSettings()


@dataclass(frozen=True, kw_only=True)
class Translated:
    """The translation of one text, made piece by piece."""

    text: str
    ends: tuple[tuple[int, int], ...]
    """End of each piece as character positions in the English text and in the translation."""

    def position_of(self, position: int) -> float:
        """Approximate position in the translation of a character of the English text, by linear interpolation."""
        english, translated = zip((0, 0), *self.ends, strict=True)
        return float(np.interp(position, english, translated))


class Translatable(Protocol):
    """Translation of the examples of one format."""

    def texts(self, example: Example) -> list[str]:
        """The texts to translate."""
        ...

    def translated(self, example: Example, texts: Sequence[Translated], language: str) -> Example | None:
        """The example with translated texts and its label; None if the translation does not contain the answer."""
        ...


@dataclass(frozen=True, kw_only=True)
class Summary:
    """An example in words, for `sweeper show` and for checks of a data set."""

    texts: Mapping[str, str]
    """Name -> text that the model reads. Two examples with equal texts are the same item."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Name -> anything else about the example: its label, its answers."""
    labels: tuple[str, ...] = ()
    """Labels that are counted over a data set: one of an example, or one of each word."""


def _single_feature(_: Task) -> int:
    return 1


def _no_marks(features: Features, _: Sequence[str]) -> list[str]:
    return [""] * len(features.tokens)


def _is_any_task(_: Task) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class RowLabel:
    """Tells from some fields of a row, without the others, whether the row has an example. Its id is then `id_of`."""

    fields: tuple[str, ...]
    has_example: Callable[[Line], bool]
    problem_fields: tuple[str, ...] = ()
    """Further fields that `problem` reads."""
    problem: Callable[[Line], str | None] | None = None
    """For a row of training data: why its labels cannot be right (PROBLEM), "" if they can, None if it has no example.
    None in place of the function: the labels of each row with an example can be right."""
    applies: Callable[[Task], bool] = _is_any_task
    """Whether each row of a task has at most one example, whose id is `id_of`."""


@dataclass(frozen=True, kw_only=True)
class Properties:
    """The properties of a format that other modules use. They test a property, never the name of a format."""

    scorers: tuple[str, ...]
    """Names of the scorers that a task of this format may use (scoring/scorers.py), the usual one first."""
    usual: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Field -> usual names of its column in lower case, its own name first. They complete a task that names no columns
    (formats/columns.py). `choices.text` is a path, and `choice#` means numbered columns: choice1, choice2."""
    required: tuple[str, ...] = ()
    """Fields of `usual` that every task needs; the others are optional."""
    named: tuple[str, ...] = ()
    """Further optional fields, which a task must name because their columns are never inferred."""
    head: str = ""
    """Name of the head in the table of heads (training/heads.py); "" for a format that compares sentence vectors of the
    encoder and trains nothing."""
    label_field: str = ""
    """Field that contains the labels, if the head has one output for each label of the task; "" otherwise."""
    row_label: RowLabel | None = None
    """The fields that decide whether a row has an example, if a row has others; otherwise None."""
    has_classes: bool = False
    """Whether the head chooses one of several classes for a text, a choice or a word, so that predictors of transfer
    (scoring/transferability.py) are defined."""
    translation: Translatable | None = None
    """Translation of training examples; None if the labels do not fit a translation (a tag belongs to a word)."""
    other_labels: Callable[[Example, Sequence[str]], Sequence[Any]] | None = None
    """The wrong values of the field `label` of an example, given the label set; None if an example has no single label,
    so that `Stage.label_noise` is not defined."""
    windowed: bool = False
    """Whether a long text becomes several features instead of being truncated."""
    is_corpus: bool = False
    """Whether the examples are plain text for masked language modelling, as `Stage.mlm_task` requires."""
    query_field: str = ""
    """Field of the query, if tasks of the format can name a pool, which is a task without this field; "" otherwise."""
    marks: Callable[[Features, Sequence[str]], list[str]] = _no_marks
    """The label of each token of the features as a text, given the label set; "" for a token without a label."""
    edits: frozenset[str] = frozenset()
    """What perturbations may change (`space.condition.Need`): `words` within texts, the `spaces` between them, the
    whole `input`, a `context` with an answer, its `question`, tagged
    `entities`."""
    edited: "Callable[[Example, Substitute], Example] | None" = None
    """The example with substitutions in its texts and the same label; None if no text may change."""
    log_probabilities: Callable[[Sequence[Example], Features, Outputs, Sequence[str]], LogProbabilities] | None = None
    """The log-probabilities of examples from the outputs of the head, whose label set is the last argument; None if the
    answers of the format have no probability."""
    num_features: Callable[[Task], int] = _single_feature
    """Features per example of a task, for plans made without data; the windows of a long text are not counted."""

    @property
    def scores_encoder(self) -> bool:
        """Whether the encoder is scored directly, without training a head."""
        return not self.head


class Format(Protocol):
    """One task format: pure functions of plain values, without torch and without files."""

    properties: Properties

    def read(self, row: Mapping[str, Any], task: Task, number: int) -> list[Example]:
        """The examples of one row of a data set (several only for retrieval pools); none if the row has no label.

        Raises DataError for a label outside the label set of the task, or a row without the declared columns.
        """
        ...

    def summary(self, example: Example) -> Summary:
        """The texts, the label and other facts of an example, for people."""
        ...

    def encode(
        self, examples: Sequence[Example], tokenizer: "PreTrainedTokenizerBase", lengths: Lengths, labels: Sequence[str]
    ) -> Features:
        """Tokenise examples; the items have the order of the examples."""
        ...

    def decode(
        self, examples: Sequence[Example], features: Features, outputs: Outputs, labels: Sequence[str]
    ) -> Sequence[Any]:
        """One prediction per example as a plain value: a label, a list of tags, a text, or vectors for retrieval."""
        ...

    def score(
        self,
        examples: Sequence[Example],
        predictions: Sequence[Any],
        task: Task,
        language: str,
        settings: ScoreSettings = DEFAULT_SETTINGS,
    ) -> Scored:
        """Metrics, trivial baseline and per-example outcomes of one language."""
        ...
