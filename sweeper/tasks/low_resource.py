"""Targets with languages that XTREME and XTREME-R lack: MasakhaNER 2, SIB-200, Belebele, AmericasNLI and NTREX."""

from collections.abc import Mapping

from sweeper.tasks.intermediates import NLI_COLUMNS, NLI_LABELS
from sweeper.tasks.languages import NLLB
from sweeper.tasks.spec import Rows, RowsByLanguage, Task
from sweeper.tasks.targets import BIO, per_language

MASAKHANER = "masakhane/masakhaner2"
AFRICAN: Mapping[str, str] = {
    "bbj": "bbj",
    "bm": "bam",
    "ee": "ewe",
    "fon": "fon",
    "ha": "hau",
    "ig": "ibo",
    "lg": "lug",
    "luo": "luo",
    "mos": "mos",
    "ny": "nya",
    "pcm": "pcm",
    "rw": "kin",
    "sn": "sna",
    "sw": "swa",
    "tn": "tsn",
    "tw": "twi",
    "wo": "wol",
    "xho": "xho",
    "yo": "yor",
    "zu": "zul",
}
"""The 20 languages of MasakhaNER 2 -> its configs. isiXhosa has three letters, because `xh` is a generated language."""

AMERICAN: Mapping[str, str] = {
    "ay": "aym",
    "bzd": "bzd",
    "cni": "cni",
    "gn": "gn",
    "hch": "hch",
    "nah": "nah",
    "oto": "oto",
    "qu": "quy",
    "shp": "shp",
    "tar": "tar",
}
"""The ten languages of AmericasNLI -> its configs."""

FLORES: Mapping[str, str] = {
    **NLLB,
    **{code: f"{name}_Latn" for code, name in AFRICAN.items() if code not in ("bbj", "pcm", *NLLB)},
}
"""Languages of this project that FLORES-200, and therefore SIB-200, has -> their codes there."""

NOT_IN_BELEBELE = frozenset({"ee", "eo", "fon", "gl", "mos", "qu", "tw"})
NOT_IN_NTREX = frozenset({"bm", "en", "eo", "fon", "ht", "jv", "lg", "luo", "mos", "qu", "tw"})
TOPICS = ("entertainment", "geography", "health", "politics", "science/technology", "sports", "travel")


def _coded(codes: Mapping[str, str], id_: str, split: str) -> RowsByLanguage:
    return {code: (Rows(id=id_, config=config, split=split),) for code, config in codes.items()}


def _without(absent: frozenset[str]) -> Mapping[str, str]:
    return {code: name for code, name in FLORES.items() if code not in absent}


BELEBELE = _coded(_without(NOT_IN_BELEBELE), "facebook/belebele", "test")
NTREX = per_language(_without(NOT_IN_NTREX), "local/ntrex_pairs", "{}-en", "test")

TARGETS = (
    Task(
        name="masakhaner",
        title="MasakhaNER 2",
        format="tag",
        domain="news",
        scorer="chunks",
        columns={"tokens": "tokens", "tags": "ner_tags"},
        labels=(*BIO, "B-DATE", "I-DATE"),
        label_map={"DATE": "O"},
        train=_coded(AFRICAN, MASAKHANER, "train"),
        dev=_coded(AFRICAN, MASAKHANER, "validation"),
        test=_coded(AFRICAN, MASAKHANER, "test"),
        trains_on="ner",
        group="tagging",
        train_size=5_338,
        licence="CC BY-NC 4.0 (non-commercial) in the text of its card, AFL-3.0 in its header",
        note=(
            "20 African languages, no English: as a target it trains on PAN-X, which has no dates, so dates count as "
            "words outside of names. The size is the mean over the languages (3,289 to 7,825). The main branch on the "
            "Hub contains a loading script, which `datasets` no longer runs: put the Parquet files of its branch "
            f"refs/convert/parquet, CONFIG/SPLIT.parquet, into the folder datasets/{MASAKHANER} of a mirror, with the "
            "`configs` and the label names in README.md."
        ),
        departs="dates do not count as names",
    ),
    Task(
        name="sib200",
        title="SIB-200",
        format="classify",
        kind="semantic",
        domain="mixed",
        scorer="accuracy",
        columns={"text": "text", "label": "category"},
        labels=TOPICS,
        train=_coded(FLORES, "mteb/sib200", "train"),
        dev=_coded(FLORES, "mteb/sib200", "validation"),
        test=_coded(FLORES, "mteb/sib200", "test"),
        parallel=True,
        train_size=701,
        licence="CC BY-SA 4.0",
        note=(
            "Topics of the sentences of FLORES-200, here in 68 of its 205 languages. A Parquet copy of "
            "Davlan/sib200, whose loading script `datasets` no longer runs. The spelling of the seven labels was not "
            "checked against the whole data; an unknown one is an error."
        ),
    ),
    Task(
        name="belebele",
        title="Belebele",
        format="choose",
        kind="semantic",
        domain="mixed",
        scorer="accuracy",
        columns={
            "prompt": "{flores_passage} {question}",
            "choices": ("mc_answer1", "mc_answer2", "mc_answer3", "mc_answer4"),
            "label": "{correct_answer_num}",
            "group": "link",
        },
        labels=("1", "2", "3", "4"),
        dev=BELEBELE,
        test=BELEBELE,
        trains_on="cosmos_qa",
        group="qa",
        licence="CC BY-SA 4.0",
        note=(
            "900 questions in each language, on passages of FLORES-200. It has one evaluation split, so nothing is "
            "selected on it, and no training data: it trains on Cosmos QA."
        ),
        departs="it trains on Cosmos QA",
    ),
    Task(
        name="americas_nli",
        title="AmericasNLI",
        format="classify",
        kind="semantic",
        domain="mixed",
        scorer="accuracy",
        columns=NLI_COLUMNS,
        labels=NLI_LABELS,
        dev=_coded(AMERICAN, "nala-cub/americas_nli", "validation"),
        test=_coded(AMERICAN, "nala-cub/americas_nli", "test"),
        trains_on="mnli",
        items_of="xnli",
        licence="CC BY-SA 4.0",
        note="Ten indigenous languages of the Americas, without English. The examples are translations of XNLI.",
    ),
    Task(
        name="ntrex",
        title="NTREX",
        format="retrieve",
        domain="news",
        scorer="neighbours",
        columns={"source": "sentence1", "target": "sentence2"},
        dev=NTREX,
        test=NTREX,
        group="retrieval",
        licence="CC BY-SA 4.0",
        note=(
            "It trains nothing and has one evaluation split: 1,997 sentences of news and their translations. The copy "
            "davidstap/NTREX on the Hub has one config for each language (deu_Latn) with the column `text` in the same "
            "order in all of them. Create a data set folder local/ntrex_pairs with configs such as de-en, and in each "
            "a split test with the columns sentence1 (German) and sentence2 (English)."
        ),
    ),
)
