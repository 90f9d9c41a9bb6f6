"""The nine target tasks of XTREME in all their languages, and the version of BUCC 2018 that is on the Hub."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sweeper.tasks import languages
from sweeper.tasks.intermediates import NLI_COLUMNS, NLI_LABELS, SPAN_COLUMNS
from sweeper.tasks.spec import Columns, Rows, RowsByLanguage, Task

XTREME = "google/xtreme"
UDPOS = "local/udpos"
"""Data set that `python -m sweeper.data.treebanks` writes."""
BUCC_REVISION = "414572247440f0ccacf7eb0bb70a31533a0e5443"
TATOEBA_REVISION = "69e8f12da6e31d59addadda9a9c8a2e601a0e282"
UPOS = (
    "ADJ",
    "ADP",
    "ADV",
    "AUX",
    "CCONJ",
    "DET",
    "INTJ",
    "NOUN",
    "NUM",
    "PART",
    "PRON",
    "PROPN",
    "PUNCT",
    "SCONJ",
    "SYM",
    "VERB",
    "X",
)
POS_SCORE = "The score is chunk F1 over plain UPOS tags, as in XTREME. Accuracy is recorded too."
POOL_COLUMNS: Columns = {"source": "sentence1", "target": "sentence2", "gold": "gold"}
BIO = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")


def per_language(
    codes: Iterable[str], id_: str, config: str, split: str, revision: str | None = None, first: int | None = None
) -> RowsByLanguage:
    """One config for each language; its name is `config` with the language's code in place of `{}`."""
    return {
        code: (Rows(id=id_, config=config.replace("{}", code), split=split, revision=revision, first=first),)
        for code in codes
    }


def udpos_file(language: str, split: str) -> str:
    """Path of a file within the folder of UDPOS: JSON lines with the columns tokens and pos_tags."""
    return f"{language}/{split}.jsonl"


def _treebanks(split: str, without: frozenset[str] = frozenset()) -> RowsByLanguage:
    return per_language((code for code in languages.TREEBANK if code not in without), UDPOS, "{}", split)


def _hub_treebanks(split: str, without: frozenset[str] = frozenset()) -> RowsByLanguage:
    return {
        code: (Rows(id=XTREME, config=f"udpos.{name}", split=split),)
        for code, name in languages.TREEBANK.items()
        if code not in without
    }


def _tydiqa(split: str) -> RowsByLanguage:
    return {
        code: (
            Rows(id="google-research-datasets/tydiqa", config="secondary_task", split=split, id_prefix=f"{language}-"),
        )
        for code, language in languages.TYDIQA.items()
    }


def tatoeba(codes: Mapping[str, str]) -> RowsByLanguage:
    """Rows of Tatoeba; `codes` maps two-letter codes to three-letter codes."""
    return {
        code: (Rows(id="mteb/tatoeba-bitext-mining", config=f"{iso3}-eng", split="test", revision=TATOEBA_REVISION),)
        for code, iso3 in codes.items()
    }


# If the data set has only one evaluation split, it is used as dev and as test; `Task.single_split` compares them.
XQUAD = per_language(languages.XQUAD, XTREME, "XQuAD.{}", "validation")
TYDIQA = _tydiqa("validation")
BUCC = per_language(languages.BUCC, "mteb/BUCC", "{}-en", "test", BUCC_REVISION)
BUCC_DEV = per_language(languages.BUCC, "local/bucc2018", "{}-en", "validation")
BUCC_TEST = per_language(languages.BUCC, "local/bucc2018", "{}-en", "test")
TATOEBA = tatoeba(languages.ISO3)

POS = Task(
    name="pos",
    title="UD POS",
    format="tag",
    kind="syntactic",
    domain="mixed",
    scorer="chunks",
    columns={"tokens": "tokens", "tags": "pos_tags"},
    labels=UPOS,
    train=_treebanks("train", languages.WITHOUT_TRAIN),
    dev=_treebanks("validation", languages.WITHOUT_DEV),
    test=_treebanks("test"),
    group="tagging",
    train_size=21_253,
    licence="Universal Dependencies 2.5; licences differ by treebank, some are non-commercial",
    note=(
        f"{POS_SCORE} Download ud-treebanks-v2.5.tgz from https://hdl.handle.net/11234/1-3105, unpack it, and run "
        f"`python -m sweeper.data.treebanks ud-treebanks-v2.5`, which writes {UDPOS} in the working directory (or "
        f"name the folder datasets/{UDPOS} of a mirror with --out). It selects the treebanks and joins multi-word "
        "tokens as XTREME does. The task `pos_hub` reads other data from the Hub; its scores are not comparable."
    ),
)

TARGETS = (
    Task(
        name="xnli",
        title="XNLI",
        format="classify",
        kind="semantic",
        domain="mixed",
        scorer="accuracy",
        columns=NLI_COLUMNS,
        labels=NLI_LABELS,
        train=per_language(languages.XNLI, "facebook/xnli", "{}", "train"),
        dev=per_language(languages.XNLI, "facebook/xnli", "{}", "validation"),
        test=per_language(languages.XNLI, "facebook/xnli", "{}", "test"),
        trains_on="mnli",
        contains=("mnli",),
        parallel=True,
        train_size=392_702,
        licence="CC BY-NC 4.0 (non-commercial)",
        note="As a target it trains on MNLI. Its own train splits, machine-translated MNLI, are for stages.",
    ),
    Task(
        name="pawsx",
        title="PAWS-X",
        format="classify",
        kind="semantic",
        domain="wikipedia",
        scorer="accuracy",
        columns={"id": "id", "text": "sentence1", "pair": "sentence2", "label": "label"},
        labels=("0", "1"),
        train=per_language(languages.PAWSX, "google-research-datasets/paws-x", "{}", "train"),
        dev=per_language(languages.PAWSX, "google-research-datasets/paws-x", "{}", "validation"),
        test=per_language(languages.PAWSX, "google-research-datasets/paws-x", "{}", "test"),
        parallel=True,
        train_size=49_401,
        licence="Free for any purpose with acknowledgement of Google LLC",
    ),
    POS,
    replace(
        POS,
        name="pos_hub",
        title="UD POS, data of the Hub",
        train=_hub_treebanks("train", languages.WITHOUT_TRAIN),
        dev=_hub_treebanks("validation", languages.WITHOUT_DEV),
        test=_hub_treebanks("test"),
        contains=("pos",),
        note=(
            f"{POS_SCORE} The Hub selects treebanks by the name of the language: 84 % of the Greek test set is Ancient "
            "Greek, 37 % of the Chinese one Classical Chinese, 21 % of the Russian one Old Russian. The task `pos` "
            "has the data of the benchmark."
        ),
        departs="treebanks are selected by the name of the language, so Greek includes Ancient Greek",
    ),
    Task(
        name="ner",
        title="PAN-X NER",
        format="tag",
        domain="wikipedia",
        scorer="chunks",
        columns={"tokens": "tokens", "tags": "ner_tags"},
        labels=BIO,
        train=per_language(languages.PANX, XTREME, "PAN-X.{}", "train"),
        dev=per_language(languages.PANX, XTREME, "PAN-X.{}", "validation"),
        test=per_language(languages.PANX, XTREME, "PAN-X.{}", "test"),
        group="tagging",
        train_size=20_000,
        licence="None stated; Wikipedia text, CC BY-SA",
    ),
    Task(
        name="xquad",
        title="XQuAD",
        format="span",
        kind="semantic",
        domain="wikipedia",
        scorer="squad",
        columns=SPAN_COLUMNS,
        dev=XQUAD,
        test=XQUAD,
        trains_on="squad",
        group="qa",
        licence="CC BY-SA 4.0",
        note="It has one evaluation split, so nothing is selected on it.",
    ),
    Task(
        name="mlqa",
        title="MLQA",
        format="span",
        kind="semantic",
        domain="wikipedia",
        scorer="mlqa",
        columns=SPAN_COLUMNS,
        # The config names the language of the context and that of the question.
        dev=per_language(languages.MLQA, XTREME, "MLQA.{}.{}", "validation"),
        test=per_language(languages.MLQA, XTREME, "MLQA.{}.{}", "test"),
        trains_on="squad",
        group="qa",
        licence="CC BY-SA 3.0",
    ),
    Task(
        name="tydiqa",
        title="TyDiQA-GoldP",
        format="span",
        kind="semantic",
        domain="wikipedia",
        scorer="squad",
        columns=SPAN_COLUMNS,
        train=_tydiqa("train"),
        dev=TYDIQA,
        test=TYDIQA,
        group="qa",
        train_size=3_696,
        licence="Apache-2.0; paragraphs from Wikipedia, CC BY-SA",
        note="The official dev set is the test set of XTREME, so nothing is selected on it.",
    ),
    Task(
        name="bucc2018",
        title="BUCC 2018",
        format="retrieve",
        scorer="mining",
        columns=POOL_COLUMNS,
        dev=BUCC_DEV,
        test=BUCC_TEST,
        group="retrieval",
        licence="BUCC 2018 shared task terms (research use); download it from its page",
        note=(
            "It trains nothing. As in XTREME, dev is the sample set of the shared task, test is its training set, and "
            "the threshold is fitted on all of dev. Download bucc2018-{de,fr,ru,zh}-en.sample-gold.tar.bz2 and "
            ".training-gold.tar.bz2 from https://comparable.limsi.fr/bucc2018/ and create a data set folder "
            "local/bucc2018, in the datasets/ folder of a mirror or in the working directory. The `configs` in its "
            "README.md are de-en, fr-en, ru-en and zh-en. Each has the splits validation (de-en/validation.parquet, "
            "from the files de-en.sample.*) and test (de-en/test.parquet, from de-en.training.*). A split is one row "
            "of three lists: sentence1 has the texts of de-en.sample.de in the order of their ids, which start at 1; "
            "sentence2 has the texts of de-en.sample.en; gold has [17, 9] for the line `de-000000017 en-000000009` of "
            "de-en.sample.gold. The task `bucc` reads its data from the Hub without a sample set; its scores are not "
            "comparable."
        ),
    ),
    Task(
        name="bucc",
        title="BUCC 2018, one pool",
        format="retrieve",
        scorer="mining",
        columns=POOL_COLUMNS,
        dev=BUCC,
        test=BUCC,
        group="retrieval",
        licence="BUCC 2018 shared task terms (research use)",
        note=(
            "It trains nothing. Each language has one pool: the threshold is fitted on half of the gold pairs, chosen "
            "by a hash, and the other half is scored. The task `bucc2018` has the two pools of the benchmark."
        ),
    ),
    Task(
        name="tatoeba",
        title="Tatoeba",
        format="retrieve",
        scorer="neighbours",
        columns={"id": "sentence2", "source": "sentence1", "target": "sentence2"},
        dev=TATOEBA,
        test=TATOEBA,
        group="retrieval",
        licence="Tatoeba terms, CC BY 2.0 FR",
        note="It trains nothing and has one evaluation split. The id of an item is its English sentence.",
    ),
)
