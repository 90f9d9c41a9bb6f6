"""The nine intermediate tasks, and free substitutes for two whose licence does not allow copies."""

from sweeper.tasks.spec import Columns, Rows, RowsByLanguage, Task

NLI_LABELS = ("entailment", "neutral", "contradiction")
NLI_COLUMNS: Columns = {"text": "premise", "pair": "hypothesis", "label": "label"}
SPAN_COLUMNS: Columns = {"id": "id", "context": "context", "question": "question", "answers": "answers"}

MNLI_TRAIN = Rows(id="nyu-mll/glue", config="mnli", split="train")
MNLI_DEV = (
    Rows(id="nyu-mll/glue", config="mnli", split="validation_matched"),
    Rows(id="nyu-mll/glue", config="mnli", split="validation_mismatched"),
)
SNLI = "stanfordnlp/snli"
ANLI = "facebook/anli"
ROUNDS = ("r1", "r2", "r3")
COSMOS = "refs/convert/parquet"
"""The main branch of Cosmos QA contains a loading script, and `datasets` no longer runs such scripts."""


def english_rows(id_: str, split: str, config: str | None = None, revision: str | None = None) -> RowsByLanguage:
    """English rows from one split of one config."""
    return {"en": (Rows(id=id_, config=config, split=split, revision=revision),)}


INTERMEDIATES = (
    Task(
        name="anli_plus",
        title="ANLI+ (MNLI, SNLI, ANLI R1-R3)",
        format="classify",
        kind="semantic",
        domain="mixed",
        scorer="accuracy",
        columns=NLI_COLUMNS,
        labels=NLI_LABELS,
        train={
            "en": (
                MNLI_TRAIN,
                Rows(id=SNLI, config="plain_text", split="train"),
                *(Rows(id=ANLI, config="plain_text", split=f"train_{number}") for number in ROUNDS),
            )
        },
        dev={
            "en": (
                *MNLI_DEV,
                Rows(id=SNLI, config="plain_text", split="validation"),
                *(Rows(id=ANLI, config="plain_text", split=f"dev_{number}") for number in ROUNDS),
            )
        },
        contains=("mnli",),
        train_size=1_104_934,
        licence="MNLI: OANC, some texts CC BY(-SA) 3.0; SNLI: CC BY-SA 4.0; ANLI: CC BY-NC 4.0 (non-commercial)",
        note="SNLI pairs without a gold label are dropped.",
    ),
    Task(
        name="mnli",
        title="MNLI",
        format="classify",
        kind="semantic",
        domain="mixed",
        scorer="accuracy",
        columns=NLI_COLUMNS,
        labels=NLI_LABELS,
        train={"en": (MNLI_TRAIN,)},
        dev={"en": MNLI_DEV},
        train_size=392_702,
        licence="OANC, some texts CC BY-SA 3.0 or CC BY 3.0",
        note="The dev split is the matched and the mismatched set together.",
    ),
    Task(
        name="qqp",
        title="QQP",
        format="classify",
        kind="semantic",
        domain="questions",
        scorer="accuracy_f1",
        columns={"text": "question1", "pair": "question2", "label": "label"},
        labels=("not_duplicate", "duplicate"),
        train=english_rows("nyu-mll/glue", "train", "qqp"),
        dev=english_rows("nyu-mll/glue", "validation", "qqp"),
        train_size=363_846,
        licence="Quora's terms do not allow redistribution; the data are read from the Hub",
        note="If it is not available to you, use mrpc instead.",
    ),
    Task(
        name="squad2",
        title="SQuAD 2.0",
        format="span",
        kind="semantic",
        domain="wikipedia",
        scorer="squad2",
        columns=SPAN_COLUMNS,
        train=english_rows("rajpurkar/squad_v2", "train", "squad_v2"),
        dev=english_rows("rajpurkar/squad_v2", "validation", "squad_v2"),
        contains=("squad",),
        group="qa",
        train_size=130_319,
        licence="CC BY-SA 4.0",
        note="Its answerable questions are those of SQuAD 1.1.",
    ),
    Task(
        name="squad",
        title="SQuAD 1.1",
        format="span",
        kind="semantic",
        domain="wikipedia",
        scorer="squad",
        columns=SPAN_COLUMNS,
        train=english_rows("rajpurkar/squad", "train", "plain_text"),
        dev=english_rows("rajpurkar/squad", "validation", "plain_text"),
        group="qa",
        train_size=87_599,
        licence="CC BY-SA 4.0",
    ),
    Task(
        name="hellaswag",
        title="HellaSwag",
        format="choose",
        kind="semantic",
        domain="mixed",
        scorer="accuracy",
        columns={"id": "ind", "prompt": "ctx_a", "choices": "{ctx_b} {endings}", "label": "label"},
        train=english_rows("Rowan/hellaswag", "train"),
        dev=english_rows("Rowan/hellaswag", "validation"),
        train_size=39_905,
        num_choices=4,
        licence="MIT",
    ),
    Task(
        name="ccg",
        title="CCG supertagging (CCGbank)",
        format="tag",
        kind="syntactic",
        domain="news",
        scorer="accuracy",
        columns={"id": "id", "tokens": "tokens", "tags": "supertags"},
        train=english_rows("local/ccgbank", "train", "en"),
        dev=english_rows("local/ccgbank", "validation", "en"),
        group="tagging",
        train_size=38_015,
        licence="LDC2005T13, sold by the Linguistic Data Consortium; not included",
        note=(
            "Create a data set folder local/ccgbank, in the datasets/ folder of a mirror or in the working directory. "
            "The `configs` in its README.md list en/train.parquet (sections 02-21) and en/validation.parquet (section "
            "00). The columns are id, tokens and supertags; supertags is a list of ClassLabel. A free substitute is "
            "ud_supertags."
        ),
    ),
    Task(
        name="cosmos_qa",
        title="Cosmos QA",
        format="choose",
        kind="semantic",
        domain="blogs",
        scorer="accuracy",
        columns={
            "id": "id",
            "prompt": "{context} {question}",
            "choices": ("answer0", "answer1", "answer2", "answer3"),
            "label": "label",
        },
        train=english_rows("allenai/cosmos_qa", "train", revision=COSMOS),
        dev=english_rows("allenai/cosmos_qa", "validation", revision=COSMOS),
        train_size=25_262,
        licence="CC BY 4.0 according to its card",
    ),
    Task(
        name="csqa",
        title="CommonsenseQA",
        format="choose",
        kind="semantic",
        scorer="accuracy",
        columns={
            "id": "id",
            "prompt": "question",
            "choices": "choices.text",
            "keys": "choices.label",
            "label": "answerKey",
        },
        train=english_rows("tau/commonsense_qa", "train"),
        dev=english_rows("tau/commonsense_qa", "validation"),
        train_size=9_741,
        num_choices=5,
        licence="MIT according to its card",
    ),
)

SUBSTITUTES = (
    Task(
        name="mrpc",
        title="MRPC (paraphrase)",
        format="classify",
        kind="semantic",
        domain="news",
        scorer="accuracy_f1",
        columns={"text": "sentence1", "pair": "sentence2", "label": "label"},
        labels=("not_equivalent", "equivalent"),
        train=english_rows("nyu-mll/glue", "train", "mrpc"),
        dev=english_rows("nyu-mll/glue", "validation", "mrpc"),
        test=english_rows("nyu-mll/glue", "test", "mrpc"),
        train_size=3_668,
        licence="Microsoft Research Shared Source licence (non-commercial)",
        note="A substitute for QQP: also paraphrase detection, with another data set.",
    ),
    Task(
        name="ud_supertags",
        title="UD supertags (syntax)",
        format="tag",
        kind="syntactic",
        domain="mixed",
        scorer="accuracy",
        columns={"id": "id", "tokens": "tokens", "tags": "supertags"},
        # Its treebank, English-EWT, is part of the English data of POS, and a supertag starts with the part of speech.
        contains=("pos", "pos_hub"),
        train=english_rows("local/ud_supertags", "train", "en"),
        dev=english_rows("local/ud_supertags", "validation", "en"),
        group="tagging",
        train_size=12_534,
        licence="CC BY-SA 4.0",
        note=(
            "A substitute for CCG supertagging: the tags derive from the trees of UD English-EWT, not from CCG. Create "
            "a data set folder local/ud_supertags with the files and columns of the task `ccg`. The supertag of a word "
            "joins its universal part of speech, its relation without subtype, the side of its head (L, R or root), "
            "and its numbers of core dependents (nsubj, obj, iobj, csubj, ccomp, xcomp; at most 3) to the left and to "
            "the right. The 200 most frequent supertags of the training sentences are labels, and all others are "
            "`other`."
        ),
    ),
)
