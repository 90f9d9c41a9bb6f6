"""The tasks of the five questions in the synthetic world; loads no library, so that search spaces may import it."""

from collections.abc import Mapping
from dataclasses import replace

from sweeper.tasks.spec import Rows, Task
from sweeper.world.languages import CODES
from sweeper.world.tasks import CLAIM_LABELS, CORPUS, DRAW, ENTRIES, FEW_SIZE, PLACEBO, TRAIN_SIZE

SHORTENED = ("eighth", "half")
"""Encoders that were pretrained on an eighth and on half of the text."""
TWINS = ("twin_1", "twin_2", "twin_3")
"""The pretrained encoder with its hidden units in three other orders: the outputs of all of them are the same."""
JARGON = "jargon"
"""The pretrained encoder with untrained embeddings of synonyms; also the language of the texts with synonyms."""
LESSONS = "lessons"
"""The same claims in all languages."""
DOSES: Mapping[str, float] = {"dose_0": 0.0, "dose_33": 1 / 3, "dose_67": 2 / 3}
"""Task -> the share of its hidden concepts that are consistently mislabelled."""
SHARES: Mapping[str, float] = {
    f"first_{round(100 * share)}{draw}": share for share in (0.0, 1 / 3, 2 / 3, 1.0) for draw in "ab"
}
"""Task -> the share of its questions whose answer is certain to be in the first sentence. The tasks `a` and `b` of a
share are independent draws of the same task."""
FIRST = "first_questions"
"""The target of these tasks: in its training data, all answers are in the first sentence."""
SYNONYMS, NUM_SYNONYM_LINES = "synonyms", 2_000
"""A corpus in which synonyms of the concepts stand beside them, and its number of lines."""
SYNONYM_TARGETS = ("synonym_claims", "other_claims")
"""Targets that train on English words and are scored on their synonyms. The second one asks for classes that the
lessons do not teach."""
SPLITS = ("train", "validation", "test")

_CLAIMS = Task(
    name="claims",
    title="Does a claim about one word of the premise hold?",
    format="classify",
    scorer="accuracy",
    columns={"text": "premise", "pair": "hypothesis", "label": "label"},
    labels=CLAIM_LABELS,
    licence="generated, free of any claim",
    train_size=TRAIN_SIZE,
)


def _lessons(name: str, title: str) -> Task:
    rows = {code: (Rows(id=f"demo/{name}", config=DRAW, split=f"train_{code}"),) for code in CODES}
    return replace(_CLAIMS, name=name, title=title, train=rows)


def _dosed(name: str, dose: float) -> Task:
    rows = {"en": (Rows(id=f"demo/{name}", config=DRAW, split="train"),)}
    return replace(_CLAIMS, name=name, title=f"Claims with {dose:.0%} of the hidden classes wrong", train=rows)


_QUESTIONS = Task(
    name=FIRST,
    title="Questions whose answer is in the first sentence, but only in the training data",
    format="span",
    scorer="squad",
    columns={"context": "context", "question": "question", "answers": "answers", "id": "id"},
    group="qa",
    licence="generated, free of any claim",
    train={"en": (Rows(id=f"demo/{FIRST}", config=DRAW, split="train"),)},
    train_size=FEW_SIZE,
    test={code: (Rows(id=f"demo/{FIRST}", config=DRAW, split=f"test_{code}"),) for code in CODES},
    dev={code: (Rows(id=f"demo/{FIRST}", config=DRAW, split=f"validation_{code}"),) for code in CODES},
)


def _first(name: str, share: float) -> Task:
    rows = {"en": (Rows(id=f"demo/{name}", config=DRAW, split="train"),)}
    title = f"Questions, at least {share:.0%} with the answer in the first sentence"
    return replace(_QUESTIONS, name=name, title=title, train=rows, dev={}, test={}, train_size=TRAIN_SIZE)


def _corpus(name: str, title: str) -> Task:
    return replace(
        CORPUS,
        name=name,
        title=title,
        train={"en": (Rows(id=f"demo/{name}", config=DRAW, split="train"),)},
        train_size=NUM_SYNONYM_LINES,
    )


def _with_synonyms(name: str) -> Task:
    """The claims of `xclaims`, but trained on English words and scored on their synonyms."""
    original = ENTRIES["xclaims"]
    rows = {split: {"en": (Rows(id=f"demo/{name}", config=DRAW, split=split),)} for split in SPLITS}
    return replace(
        original,
        name=name,
        title=f"Scored on synonyms: {original.title}",
        train=rows["train"],
        dev=rows["validation"],
        test=rows["test"],
    )


QUESTION_TASKS: tuple[Task, ...] = (
    _lessons(LESSONS, "The same claims in nine languages"),
    _lessons(PLACEBO + LESSONS, "Placebo: the same claims in nine languages"),
    *(_dosed(name, dose) for name, dose in DOSES.items()),
    *(_first(name, share) for name, share in SHARES.items()),
    _QUESTIONS,
    _corpus(SYNONYMS, "Text with synonyms beside their meanings"),
    _corpus(PLACEBO + SYNONYMS, "Placebo: text with synonyms beside random words"),
    *map(_with_synonyms, SYNONYM_TARGETS),
)
