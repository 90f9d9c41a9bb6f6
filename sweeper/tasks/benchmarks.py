"""Benchmarks as data: the tasks and languages of XTREME and XTREME-R, and the files of their leaderboards."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sweeper.tasks import languages

Layout = Literal["", "labels", "tags", "answers", "indices", "pairs", "choices", "rankings"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One task of a benchmark."""

    name: str
    """Name of the target in the catalog."""
    group: str
    languages: tuple[str, ...]
    """The published languages. A mean over fewer of them is not comparable with the benchmark."""
    folder: str = ""
    """Folder in a leaderboard submission, and name in the benchmark's scorer."""
    layout: Layout = ""
    """Content of the prediction files; "" if the scorer of the benchmark reads no file of this task."""
    weighted: bool = False
    """Whether the mean over the languages weights each one by its number of examples."""
    substitutes: tuple[str, ...] = ()
    """Targets of the catalog that measure the task in another way. A report lists them; no mean includes them."""


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """A set of tasks with one mean over each group and one over all tasks."""

    name: str
    """Name on the command line and in `evaluate.py`."""
    title: str
    entries: tuple[Entry, ...]

    @property
    def groups(self) -> dict[str, tuple[Entry, ...]]:
        """Group -> entries, in the benchmark's order."""
        names = dict.fromkeys(entry.group for entry in self.entries)
        return {name: tuple(entry for entry in self.entries if entry.group == name) for name in names}


def _sizes(text: str) -> dict[str, int]:
    """`de 512 en 1148` as a mapping."""
    words = text.split()
    return dict(zip(words[::2], map(int, words[1::2]), strict=True))


XTREME = Benchmark(
    name="xtreme",
    title="XTREME",
    entries=(
        Entry(name="xnli", group="classification", languages=languages.XNLI, folder="xnli", layout="labels"),
        Entry(name="pawsx", group="classification", languages=languages.PAWSX, folder="pawsx", layout="labels"),
        Entry(
            name="pos",
            group="tagging",
            languages=tuple(languages.TREEBANK),
            folder="udpos",
            layout="tags",
            substitutes=("pos_hub",),
        ),
        Entry(name="ner", group="tagging", languages=languages.PANX, folder="panx", layout="tags"),
        Entry(name="xquad", group="qa", languages=languages.XQUAD, folder="xquad", layout="answers"),
        Entry(name="mlqa", group="qa", languages=languages.MLQA, folder="mlqa", layout="answers"),
        Entry(name="tydiqa", group="qa", languages=tuple(languages.TYDIQA), folder="tydiqa", layout="answers"),
        Entry(
            name="bucc2018",
            group="retrieval",
            languages=languages.BUCC,
            folder="bucc2018",
            layout="pairs",
            substitutes=("bucc",),
        ),
        Entry(
            name="tatoeba",
            group="retrieval",
            languages=tuple(languages.ISO3),
            folder="tatoeba",
            layout="indices",
        ),
    ),
)
"""Hu et al. 2020; groups and languages as in google-research/xtreme, `evaluate.py`."""

XTREME_R = Benchmark(
    name="xtreme-r",
    title="XTREME-R",
    entries=(
        Entry(name="xnli", group="classification", languages=languages.XNLI, folder="xnli", layout="labels"),
        Entry(name="xcopa", group="classification", languages=languages.XCOPA, folder="xcopa", layout="choices"),
        Entry(name="pos_r", group="tagging", languages=languages.TREEBANK_R, folder="udpos", layout="tags"),
        Entry(
            name="ner_r",
            group="tagging",
            languages=(*languages.PANX, *languages.PANX_ADDED),
            folder="panx",
            layout="tags",
        ),
        Entry(name="xquad_r", group="qa", languages=(*languages.XQUAD, "ro"), folder="xquad", layout="answers"),
        Entry(name="mlqa", group="qa", languages=languages.MLQA, folder="mlqa", layout="answers"),
        Entry(name="tydiqa", group="qa", languages=tuple(languages.TYDIQA), folder="tydiqa", layout="answers"),
        Entry(
            name="tatoeba_r",
            group="retrieval",
            languages=(*languages.ISO3, *languages.ISO3_ADDED),
            folder="tatoeba",
            layout="indices",
        ),
        Entry(name="mewslix", group="retrieval", languages=languages.MEWSLIX, folder="mewslix", layout="rankings"),
        Entry(name="lareqa", group="retrieval", languages=languages.XQUAD, weighted=True, folder="lareqa"),
    ),
)
"""Ruder et al. 2021; languages and files as in `evaluate.py`, except for LAReQA, for which the script has no languages
and no files. The languages of LAReQA are those of XQuAD. Its mean is over all questions, as in `utils_lareqa.py`."""

BENCHMARKS = (XTREME, XTREME_R)

# Numbers of examples that differ from the usual one: 1000 for Tatoeba, 10000 for PAN-X.
_TATOEBA = _sizes("jv 205 ka 746 kk 575 ml 687 sw 390 ta 307 te 234 th 548")
_POS_DEV = _sizes(
    "af 194 ar 909 bg 1115 de 19233 el 2559 en 3974 es 3054 et 3125 eu 1798 fa 599 fi 3239 fr 5979 he 484 hi 1659 "
    "hu 441 id 559 it 2278 ja 511 ko 3016 mr 46 nl 1394 pt 1770 ru 9960 ta 80 te 131 tr 988 ur 552 vi 800 zh 3038"
)
_POS = _sizes(
    "af 425 ar 1680 bg 1116 de 22458 el 2809 en 5440 es 3147 et 3760 eu 1799 fa 600 fi 4422 fr 9465 he 491 hi 2684 "
    "hu 449 id 1557 it 3518 ja 2372 kk 1047 ko 4276 mr 47 nl 1471 pt 2681 ru 11336 ta 120 te 146 th 1000 tl 55 "
    "tr 4785 ur 535 vi 800 yo 100 zh 5528"
)
_NER_SMALL = _sizes(
    "af 1000 bn 1000 hi 1000 jv 100 kk 1000 ml 1000 mr 1000 ms 1000 my 100 sw 1000 ta 1000 te 1000 tl 1000 ur 1000 "
    "yo 100"
)
_NER = {code: _NER_SMALL.get(code, 10000) for code in languages.PANX}
_NER_ADDED = _sizes("az 1000 gu 100 lt 10000 pa 100 pl 10000 qu 100 ro 10000 uk 10000")
_SINGLE_SPLIT: Mapping[str, Mapping[str, int]] = {
    "xquad": dict.fromkeys(languages.XQUAD, 1190),
    "xquad_r": dict.fromkeys((*languages.XQUAD, "ro"), 1190),
    "lareqa": dict.fromkeys(languages.XQUAD, 1190),
    "lareqa_sentences": _sizes(
        "ar 1194 de 1314 el 1210 en 1171 es 1180 hi 1239 ru 1211 th 276 tr 1184 vi 1168 zh 1203"
    ),
    "tatoeba": {code: _TATOEBA.get(code, 1000) for code in languages.ISO3},
    "tatoeba_r": {code: _TATOEBA.get(code, 1000) for code in (*languages.ISO3, *languages.ISO3_ADDED)},
    "mewslix_entities": {"mul": 1_003_893},
}
SIZES: Mapping[str, Mapping[str, Mapping[str, int]]] = {
    "dev": {
        "xnli": dict.fromkeys(languages.XNLI, 2490),
        "pawsx": dict.fromkeys(languages.PAWSX, 2000),
        "pos_hub": _POS_DEV,
        "ner": _NER,
        "ner_r": {**_NER, **_NER_ADDED},
        "mlqa": _sizes("ar 517 de 512 en 1148 es 500 hi 507 vi 511 zh 504"),
        "xcopa": dict.fromkeys(("en", *languages.XCOPA), 100),
        "mewslix": _sizes("ar 318 de 326 en 316 es 311 fa 72 ja 310 pl 304 ro 145 ta 312 tr 262 uk 315"),
        **_SINGLE_SPLIT,
    },
    "test": {
        "xnli": dict.fromkeys(languages.XNLI, 5010),
        "pawsx": dict.fromkeys(languages.PAWSX, 2000),
        "pos_hub": _POS,
        "ner": _NER,
        "ner_r": {**_NER, **_NER_ADDED},
        "mlqa": _sizes("ar 5335 de 4517 en 11590 es 5253 hi 4918 vi 5495 zh 5137"),
        "xcopa": dict.fromkeys(languages.XCOPA, 500),
        "mewslix": _sizes("ar 1501 de 1551 en 1490 es 1552 fa 458 ja 1519 pl 1562 ro 672 ta 1567 tr 1215 uk 1537"),
        **_SINGLE_SPLIT,
    },
}
"""Split -> task or pool -> language -> examples of the published data set.

Sources: the cards of `google/xtreme`, `facebook/xnli`, `paws-x`, `wikiann` and `xcopa` on the Hub, the statistics of
MTEB for the languages that XTREME-R adds to Tatoeba, and `mewsli-x.md` in the release of May 2022. The sentences of
LAReQA were counted with this project's sentence splitter on the official files of XQuAD-R. The number for TyDiQA is
known only for all languages together. Those for `pos` and `pos_r` are unknown, because none was computed from
the treebanks that the benchmarks select.
"""
TYDIQA_EXAMPLES = 5077
"""Examples of the only evaluation split of TyDiQA-GoldP, all nine languages together."""
