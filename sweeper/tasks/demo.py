"""The tasks of the demo world: nine intermediates and nine targets in the formats of the real ones, all generated."""

from functools import partial

from sweeper.tasks.spec import Places, Rows, Task

TRAIN_SIZE, FEW_SIZE, EVAL_SIZE = 320, 60, 60
"""Training examples a task, training examples of the task that has few, evaluation items a language and split."""
LANGUAGES = ("en", "xa", "xb")
"""English and two made-up languages."""
CLAIM_LABELS = ("entailment", "neutral", "contradiction")


def _rows(name: str, split: str, config: str = "default", id_prefix: str = "") -> Rows:
    return Rows(id=f"demo/{name}", config=config, split=split, id_prefix=id_prefix)


def _english(name: str, split: str, config: str = "default") -> Places:
    return {"en": (_rows(name, split, config),)}


def _by_language(name: str, split: str) -> Places:
    return {code: (_rows(name, split, code),) for code in LANGUAGES}


def _with_english(name: str) -> Places:
    return {code: (_rows(name, "test", f"{code}-en"),) for code in LANGUAGES if code != "en"}


_generated = partial(Task, licence="generated, free of any claim", train_size=TRAIN_SIZE)
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
_retrieval = partial(_generated, format="retrieve", group="retrieval", train_size=0)
_XQUESTIONS = _by_language("xquestions", "validation")
_FEW_QUESTIONS = {code: (_rows("few_questions", "validation", id_prefix=f"{code}-"),) for code in LANGUAGES}

INTERMEDIATES: tuple[Task, ...] = (
    _claims(
        name="claims_plus",
        title="Claims, and two more sets of them",
        train={"en": (_rows("claims", "train"), _rows("more_claims", "train_a"), _rows("more_claims", "train_b"))},
        dev={"en": (_rows("claims", "validation"), _rows("more_claims", "validation"))},
        contains=("claims",),
        train_size=3 * TRAIN_SIZE,
    ),
    _claims(
        name="claims",
        title="Does the claim follow from the premise?",
        train=_english("claims", "train"),
        dev=_english("claims", "validation"),
    ),
    _rewrites(
        name="rewrites",
        title="Do two sentences say the same?",
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
        train=_english("questions", "train"),
        dev=_english("questions", "validation"),
    ),
    _options(
        name="endings",
        title="Which of four endings goes on?",
        columns={"prompt": "ctx_a", "choices": "{ctx_b} {endings}", "label": "label", "id": "ind"},
        train=_english("endings", "train"),
        dev=_english("endings", "validation"),
    ),
    _tags(
        name="parts",
        title="The part each word plays, and the next word's",
        scorer="accuracy",
        columns={"tokens": "tokens", "tags": "supertags", "id": "id"},
        train=_english("parts", "train"),
        dev=_english("parts", "validation"),
        note="Its labels are those that the data set declares, as with supertags.",
    ),
    _options(
        name="reasons",
        title="Which of four answers is right?",
        columns={
            "prompt": "{context} {question}",
            "choices": ("answer0", "answer1", "answer2", "answer3"),
            "label": "label",
            "id": "id",
        },
        train=_english("reasons", "train"),
        dev=_english("reasons", "validation"),
    ),
    _options(
        name="gaps",
        title="Which of five words fits the gap?",
        columns={
            "prompt": "question",
            "choices": "choices.text",
            "label": "answerKey",
            "keys": "choices.label",
            "id": "id",
        },
        train=_english("gaps", "train"),
        dev=_english("gaps", "validation"),
    ),
)

TARGETS: tuple[Task, ...] = (
    _claims(
        name="xclaims",
        title="Claims in every language",
        dev=_by_language("xclaims", "validation"),
        test=_by_language("xclaims", "test"),
        trains_on="claims",
    ),
    _rewrites(
        name="xrewrites",
        title="Rewrites in every language",
        scorer="accuracy",
        train=_english("xrewrites", "train", "en"),
        dev=_by_language("xrewrites", "validation"),
        test=_by_language("xrewrites", "test"),
    ),
    _tags(
        name="words",
        title="Parts of speech",
        scorer="chunks",
        columns={"tokens": "tokens", "tags": "pos_tags"},
        labels=("PROPN", "VERB", "NUM", "NOUN", "ADP", "ADV", "PUNCT"),
        train=_english("words", "train", "en"),
        dev=_by_language("words", "validation"),
        test=_by_language("words", "test"),
    ),
    _tags(
        name="names",
        title="Names of people and places",
        scorer="chunks",
        columns={"tokens": "tokens", "tags": "ner_tags"},
        labels=("O", "B-PER", "I-PER", "B-LOC", "I-LOC"),
        train=_english("names", "train", "en"),
        dev=_by_language("names", "validation"),
        test=_by_language("names", "test"),
    ),
    _questions(
        name="xquestions",
        title="Questions in every language, one split",
        scorer="squad",
        dev=_XQUESTIONS,
        test=_XQUESTIONS,
        trains_on="questions",
    ),
    _questions(
        name="mquestions",
        title="Questions in every language, two splits",
        scorer="squad",
        dev=_by_language("mquestions", "validation"),
        test=_by_language("mquestions", "test"),
        trains_on="questions",
    ),
    _questions(
        name="few_questions",
        title="Questions with little training data",
        scorer="squad",
        train=_english("few_questions", "train"),
        dev=_FEW_QUESTIONS,
        test=_FEW_QUESTIONS,
        train_size=FEW_SIZE,
        note="One split holds all languages.",
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
        title="A sentence's translation among all",
        scorer="neighbours",
        columns={"source": "sentence1", "target": "sentence2", "id": "sentence2"},
        dev=_with_english("twins"),
        test=_with_english("twins"),
    ),
)

CORPUS = _generated(
    name="texts",
    title="Running text",
    format="mlm",
    scorer="loss",
    columns={"text": "text"},
    train=_by_language("texts", "train"),
    group="language modelling",
    train_size=TRAIN_SIZE * len(LANGUAGES),
)

TASKS: tuple[Task, ...] = (*INTERMEDIATES, *TARGETS, CORPUS)
