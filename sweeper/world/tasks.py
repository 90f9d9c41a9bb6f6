"""The tasks of the synthetic world: nine intermediate and nine target tasks, in the formats of real tasks."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from sweeper.tasks.spec import Rows, RowsByLanguage, Task
from sweeper.world.languages import CODES
from sweeper.world.skills import NUM_CLASSES

TRAIN_SIZE, CHOICE_SIZE, FEW_SIZE, EVAL_SIZE = 640, 400, 240, 96
"""Training examples of an intermediate task, of one with choices, and of a target; evaluation items per language and
split. All sizes in this module are those of a world of scale 1."""
POOL_SIZE = 2 * EVAL_SIZE
"""Evaluation items per language of a retrieval target."""
TRAIN_ROWS: Mapping[str, Mapping[str, int]] = {
    **{name: {"train": TRAIN_SIZE} for name in ("claims", "rewrites", "questions_null", "questions", "parts")},
    "more_claims": {"train_a": TRAIN_SIZE // 2, "train_b": TRAIN_SIZE // 2},
    **{name: {"train": CHOICE_SIZE} for name in ("endings", "reasons", "gaps")},
    **{name: {"train": FEW_SIZE} for name in ("xclaims", "xrewrites", "words", "names", "xquestions", "few_questions")},
}
"""Data set -> training split -> number of rows."""
NUM_LINES = 60_000
"""Lines of text that the encoder is pretrained on, in a world of any scale."""
CLAIM_LABELS = ("entailment", "neutral", "contradiction")
PARTS_OF_SPEECH: Mapping[str, str] = {
    "agent": "PROPN",
    "place": "PROPN",
    "number": "NUM",
    "time": "ADV",
    "in": "ADP",
    "not": "PART",
    "marker": "PART",
    "stop": "PUNCT",
    "verb": "VERB",
    "noun": "NOUN",
    "adjective": "ADJ",
}
"""Role of a word in its sentence -> part-of-speech tag."""
CLASSED = ("VERB", "NOUN", "ADJ")
"""Tags that have a variant for each class of a skill: NOUN0, NOUN1, NOUN2."""
CLASSED_LABELS = tuple(f"{tag}{number}" for tag in CLASSED for number in range(NUM_CLASSES))
WORD_LABELS = (*dict.fromkeys(PARTS_OF_SPEECH.values()), *CLASSED_LABELS)
FOLLOWING: Mapping[str, str] = {"verb": "verb", "noun": "thing", "adjective": "thing", "number": "thing", "end": "end"}
"""Role of the next word -> its name in supertags. Other roles are called "other"."""
SUPERTAGS = tuple(f"{tag}>{after}" for tag in WORD_LABELS for after in (*dict.fromkeys(FOLLOWING.values()), "other"))
DRAW = "draw{seed}"
"""Config of the data sets: each replicate seed reads another draw, with other knowledge and other examples."""


def _rows(name: str, split: str, config: str = DRAW, id_prefix: str = "") -> Rows:
    return Rows(id=f"demo/{name}", config=config, split=split, id_prefix=id_prefix)


def _english(name: str, split: str) -> RowsByLanguage:
    return {"en": (_rows(name, split),)}


def _by_language(name: str, split: str) -> RowsByLanguage:
    return {code: (_rows(name, f"{split}_{code}"),) for code in CODES}


def _sized(*tasks: Task) -> tuple[Task, ...]:
    """Return the tasks with the number of their training examples."""
    return tuple(replace(task, train_size=sum(map(_num_rows, task.train.get("en", ())))) for task in tasks)


def _num_rows(rows: Rows) -> int:
    return TRAIN_ROWS[rows.id.removeprefix("demo/")][rows.split]


def _with_english(name: str) -> RowsByLanguage:
    return {code: (_rows(name, f"test_{code}", "default"),) for code in CODES if code != "en"}


_generated = partial(Task, licence="generated, free of any claim")
_claims = partial(
    _generated,
    format="classify",
    scorer="accuracy",
    columns={"text": "premise", "pair": "hypothesis", "label": "label"},
    labels=CLAIM_LABELS,
)
_rewrites = partial(
    _generated,
    format="classify",
    columns={"text": "sentence1", "pair": "sentence2", "label": "label", "id": "id"},
    labels=("different", "same"),
)
_questions = partial(
    _generated,
    format="span",
    columns={"context": "context", "question": "question", "answers": "answers", "id": "id"},
    group="qa",
)
_options = partial(_generated, format="choose", scorer="accuracy")
_tags = partial(_generated, format="tag", group="tagging")
_retrieval = partial(_generated, format="retrieve", group="retrieval")
_ANSWERS = ("answer0", "answer1", "answer2", "answer3")
_XQUESTIONS = _by_language("xquestions", "validation")
_FEW_EVALUATED = {code: (_rows("few_questions", "validation", id_prefix=f"{code}-"),) for code in CODES}

INTERMEDIATES = _sized(
    _claims(
        name="claims_plus",
        title="Claims, and two further sets of claims",
        train={"en": (_rows("claims", "train"), _rows("more_claims", "train_a"), _rows("more_claims", "train_b"))},
        dev={"en": (_rows("claims", "validation"), _rows("more_claims", "validation"))},
        contains=("claims",),
    ),
    _claims(
        name="claims",
        title="Does a claim about one word of the premise hold?",
        train=_english("claims", "train"),
        dev=_english("claims", "validation"),
    ),
    _rewrites(
        name="rewrites",
        title="Does a statement about one word of a sentence hold?",
        scorer="accuracy_f1",
        train=_english("rewrites", "train"),
        dev=_english("rewrites", "validation"),
    ),
    _questions(
        name="questions_null",
        title="Questions on a paragraph, some without an answer",
        scorer="squad2",
        train=_english("questions_null", "train"),
        dev=_english("questions_null", "validation"),
    ),
    _questions(
        name="questions",
        title="Questions on a paragraph",
        scorer="squad",
        train={"en": (_rows("questions", "train"), _rows("xquestions", "train"))},
        contains=("xquestions",),
        note="Contains the training data of a target, as SQuAD contains those of XQuAD: the cell is marked.",
        dev=_english("questions", "validation"),
    ),
    _options(
        name="endings",
        title="Which of four answers is right? After an unrelated scene",
        columns={"prompt": "ctx_a", "choices": "{ctx_b} {endings}", "label": "label", "id": "ind"},
        train=_english("endings", "train"),
        dev=_english("endings", "validation"),
        num_choices=4,
    ),
    _tags(
        name="parts",
        title="Part of speech of each word, and kind of the next word",
        scorer="accuracy",
        columns={"tokens": "tokens", "tags": "supertags", "id": "id"},
        labels=SUPERTAGS,
        train=_english("parts", "train"),
        dev=_english("parts", "validation"),
    ),
    _options(
        name="reasons",
        title="Which of four answers is right?",
        columns={"prompt": "{context} {question}", "choices": _ANSWERS, "label": "label", "id": "id"},
        train=_english("reasons", "train"),
        dev=_english("reasons", "validation"),
    ),
    _options(
        name="gaps",
        title="Which of five answers is right?",
        columns={
            "prompt": "question",
            "choices": "choices.text",
            "label": "answerKey",
            "keys": "choices.label",
            "id": "id",
        },
        train=_english("gaps", "train"),
        dev=_english("gaps", "validation"),
        num_choices=5,
    ),
)

TARGETS = _sized(
    _claims(
        name="xclaims",
        title="Claims in all languages",
        train=_english("xclaims", "train"),
        dev=_by_language("xclaims", "validation"),
        test=_by_language("xclaims", "test"),
    ),
    _rewrites(
        name="xrewrites",
        title="Does a statement about one word hold? In all languages",
        scorer="accuracy",
        train=_english("xrewrites", "train"),
        dev=_by_language("xrewrites", "validation"),
        test=_by_language("xrewrites", "test"),
    ),
    _tags(
        name="words",
        title="Verbs and nouns with their classes",
        scorer="chunks",
        columns={"tokens": "tokens", "tags": "pos_tags"},
        labels=("X", *CLASSED_LABELS),
        train=_english("words", "train"),
        dev=_by_language("words", "validation"),
        test=_by_language("words", "test"),
    ),
    _tags(
        name="names",
        title="Nouns as entities, typed by class",
        scorer="chunks",
        columns={"tokens": "tokens", "tags": "ner_tags"},
        labels=("O", *(f"{start}-K{number}" for number in range(NUM_CLASSES) for start in "BI")),
        train=_english("names", "train"),
        dev=_by_language("names", "validation"),
        test=_by_language("names", "test"),
    ),
    _questions(
        name="xquestions",
        title="Questions in all languages, one split",
        scorer="squad",
        train=_english("xquestions", "train"),
        dev=_XQUESTIONS,
        test=_XQUESTIONS,
    ),
    _questions(
        name="mquestions",
        title="Questions in all languages, two splits",
        scorer="squad",
        dev=_by_language("mquestions", "validation"),
        test=_by_language("mquestions", "test"),
        trains_on="xquestions",
    ),
    _questions(
        name="few_questions",
        title="Questions with little training data",
        scorer="squad",
        train=_english("few_questions", "train"),
        dev=_FEW_EVALUATED,
        test=_FEW_EVALUATED,
        note="One split contains all languages.",
    ),
    _retrieval(
        name="mining",
        title="Translations hidden in two pools",
        scorer="mining",
        columns={"source": "sentence1", "target": "sentence2", "gold": "gold"},
        dev=_with_english("mining"),
        test=_with_english("mining"),
    ),
    _retrieval(
        name="twins",
        title="The translation of a sentence among all sentences",
        scorer="neighbours",
        columns={"source": "sentence1", "target": "sentence2", "id": "sentence2"},
        dev=_with_english("twins"),
        test=_with_english("twins"),
    ),
)

CORPUS = _generated(
    name="texts",
    title="Lines of text, most of them in two languages",
    format="mlm",
    scorer="loss",
    columns={"text": "text"},
    train={"en": (_rows("texts", "train", "default"),)},
    group="language modelling",
    train_size=NUM_LINES,
)

PLACEBO, NULL, NUM_NULLS = "placebo_", "null_", 10
NULL_ORIGINAL = "parts"
"""Name of the task and of its data set. The null tasks are independent draws of it."""


def _placebo(task: Task, name: str) -> Task:
    """Return the same task on data whose labels come from knowledge that no target needs."""
    train = tuple(replace(rows, id=rows.id.replace("demo/", f"demo/{PLACEBO}")) for rows in task.train["en"])
    return replace(task, name=name, title=f"Placebo: {task.title}", train={"en": train}, dev={}, contains=(), note="")


PLACEBOS: tuple[Task, ...] = tuple(_placebo(task, PLACEBO + task.name) for task in INTERMEDIATES)
NULLS: tuple[Task, ...] = tuple(
    replace(
        original,
        name=f"{NULL}{number}",
        title=f"Placebo {number}: independent draws of one task",
        train=_english(f"{NULL}{number}", "train"),
        dev={},
    )
    for original in INTERMEDIATES
    if original.name == NULL_ORIGINAL
    for number in range(1, NUM_NULLS + 1)
)

TASKS: tuple[Task, ...] = (*INTERMEDIATES, *TARGETS, CORPUS)
"""The tasks of the demo. The control spaces have the placebo and null tasks as well."""
ENTRIES: Mapping[str, Task] = {task.name: task for task in (*TASKS, *PLACEBOS, *NULLS)}
"""All tasks of the world by name."""


def is_world_task(task: Task) -> bool:
    """Return whether a task reads the data of the world as its entry here does. Its title and note may differ."""
    entry = ENTRIES.get(task.name)
    return entry is not None and replace(task, title=entry.title, note=entry.note) == entry


def num_evaluated(task: Task) -> int:
    """Return the evaluation items per language and split of a task, in a world of scale 1."""
    # The pools of retrieval targets, which train nothing, are larger.
    return EVAL_SIZE if task.training_task else POOL_SIZE
