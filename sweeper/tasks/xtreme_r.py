"""Additions of XTREME-R (Ruder et al. 2021): three targets with their training tasks, and four with more languages."""

from collections.abc import Mapping
from dataclasses import replace

from sweeper.tasks import languages
from sweeper.tasks.intermediates import english_rows
from sweeper.tasks.spec import Columns, Task
from sweeper.tasks.targets import POS_SCORE, per_language, tatoeba
from sweeper.tasks.targets import TARGETS as XTREME

UDPOS = "izhx/xtreme-r-udpos"
WIKIANN = "unimelb-nlp/wikiann"
XQUAD_R = "google-research-datasets/xquad_r"
MEWSLIX = "izhx/mewsli-x"
XTREME_TASKS: Mapping[str, Task] = {task.name: task for task in XTREME}
COPA_COLUMNS: Columns = {
    "id": "idx",
    "prompt": "{premise} What was the {question}?",
    "choices": ("choice1", "choice2"),
    "label": "label",
}
"""The wording of the question (`cause` or `effect`) is that of run_xcopa.py in XTREME-R, English in every language."""

COPA_TRAIN = english_rows("aps/super_glue", "train", "copa")
COPA_DEV = english_rows("aps/super_glue", "validation", "copa")
LAREQA = per_language(languages.XQUAD, XQUAD_R, "{}", "validation")
TATOEBA = tatoeba({**languages.ISO3, **languages.ISO3_ADDED})
ENTITIES = per_language(("mul",), MEWSLIX, "candidate_entities", "test")
"""Descriptions in fifty languages; `mul` is the ISO 639 code for multiple languages."""

INTERMEDIATES = (
    Task(
        name="siqa",
        title="Social IQa",
        format="choose",
        kind="semantic",
        scorer="accuracy",
        columns={"prompt": "{context} {question}", "choices": ("answerA", "answerB", "answerC"), "label": "label"},
        labels=("1", "2", "3"),
        train=english_rows("lighteval/siqa", "train"),
        dev=english_rows("lighteval/siqa", "validation"),
        train_size=33_410,
        licence="None stated on the Hub",
        note="A copy of allenai/social_i_qa, whose loading script `datasets` no longer runs.",
    ),
    Task(
        name="copa",
        title="COPA",
        format="choose",
        kind="semantic",
        scorer="accuracy",
        columns=COPA_COLUMNS,
        labels=("choice1", "choice2"),
        train=COPA_TRAIN,
        dev=COPA_DEV,
        train_size=400,
        licence="BSD 2-Clause",
        note="The version of SuperGLUE, whose test split has no labels.",
    ),
    Task(
        name="squad_pairs",
        title="SQuAD 1.1, question and answer sentence",
        format="rank",
        kind="semantic",
        domain="wikipedia",
        scorer="ranking",
        columns={"id": "id", "query": "question", "context": "context", "answers": "answers"},
        train=english_rows("rajpurkar/squad", "train", "plain_text"),
        dev=english_rows("rajpurkar/squad", "validation", "plain_text"),
        contains=("squad",),
        group="retrieval",
        train_size=87_599,
        licence="CC BY-SA 4.0",
        note="The training data of LAReQA. The sentences are split by punctuation with a rule of this project.",
    ),
    Task(
        name="mewslix_pairs",
        title="Mewsli-X, mention and entity in English Wikipedia",
        format="rank",
        domain="wikipedia",
        scorer="ranking",
        columns={"query": "mention", "candidate": "entity"},
        train=english_rows(MEWSLIX, "train", "wikipedia_pairs"),
        dev=english_rows(MEWSLIX, "validation", "wikipedia_pairs"),
        group="retrieval",
        train_size=167_719,
        licence="Apache-2.0; text from Wikipedia, CC BY-SA",
        note="The training data of Mewsli-X. The size is that of the official release of May 2022.",
    ),
)

POOLS = (
    Task(
        name="lareqa_sentences",
        title="Candidates of LAReQA: the sentences of XQuAD-R",
        format="rank",
        kind="semantic",
        domain="wikipedia",
        scorer="ranking",
        columns={"key": "id", "context": "context", "answers": "answers"},
        dev=LAREQA,
        test=LAREQA,
        group="retrieval",
        licence="CC BY-SA 4.0",
        note=(
            "A pool, not a target. The copy on the Hub lacks the sentence breaks of the official files, so a rule of "
            "this project splits the text. It finds 95 to 100 % of the official sentence ends, but 29 % in Thai, so "
            "scores are not comparable with published ones. To use the official files, create a data set from them, "
            'use its id in the rows, add `breaks`: `sentence_breaks` to the columns, and set `departs` to "".'
        ),
        departs="sentences are split by a rule of this project and not at the official breaks",
    ),
    Task(
        name="mewslix_entities",
        title="Candidates of Mewsli-X: descriptions of a million entities",
        format="rank",
        domain="wikipedia",
        scorer="ranking",
        columns={"id": "entity_id", "key": "entity_id", "candidate": "description"},
        dev=ENTITIES,
        test=ENTITIES,
        group="retrieval",
        licence="Apache-2.0; text from Wikipedia, CC BY-SA",
        note="A pool, not a target. Its 1,003,893 vectors need about 12 GB of memory at 1,024 dimensions.",
    ),
)

TARGETS = (
    Task(
        name="xcopa",
        title="XCOPA",
        format="choose",
        kind="semantic",
        scorer="accuracy",
        columns=COPA_COLUMNS,
        labels=("choice1", "choice2"),
        train=COPA_TRAIN,
        dev={**COPA_DEV, **per_language(languages.XCOPA, "cambridgeltl/xcopa", "{}", "validation")},
        test=per_language(languages.XCOPA, "cambridgeltl/xcopa", "{}", "test"),
        contains=("copa",),
        train_size=400,
        licence="CC BY 4.0; English COPA BSD 2-Clause",
        note="English is COPA and has only train and dev. XTREME-R trains on SIQA first: a stage in `before`.",
    ),
    replace(
        XTREME_TASKS["pos"],
        name="pos_r",
        title="UD POS, 38 languages",
        train=english_rows(UDPOS, "train", "en"),
        dev=english_rows(UDPOS, "validation", "en"),
        test=per_language(languages.TREEBANK_R, UDPOS, "{}", "test"),
        # A newer release of the same treebanks.
        contains=("pos",),
        licence="Universal Dependencies 2.7; licences differ by treebank, some are non-commercial",
        note=(
            f"{POS_SCORE} The copy on the Hub has release 2.7 of Universal Dependencies in all languages, but XTREME-R "
            "has release 2.5 in the 33 languages of XTREME, so scores are not comparable. The copy has train and dev "
            "splits in English only. The published training size is that of release 2.5."
        ),
        departs="Universal Dependencies 2.7 in all languages, whereas XTREME-R has 2.5 in 33 of them",
    ),
    replace(
        XTREME_TASKS["ner"],
        name="ner_r",
        title="PAN-X NER, 48 languages",
        train={**XTREME_TASKS["ner"].train, **per_language(languages.PANX_ADDED, WIKIANN, "{}", "train")},
        dev={**XTREME_TASKS["ner"].dev, **per_language(languages.PANX_ADDED, WIKIANN, "{}", "validation")},
        test={**XTREME_TASKS["ner"].test, **per_language(languages.PANX_ADDED, WIKIANN, "{}", "test")},
        note="The 40 languages of XTREME, and eight more from WikiAnn.",
    ),
    replace(
        XTREME_TASKS["xquad"],
        name="xquad_r",
        title="XQuAD, 12 languages",
        dev={**XTREME_TASKS["xquad"].dev, **per_language(("ro",), "google/xquad", "xquad.ro", "validation")},
        test={**XTREME_TASKS["xquad"].test, **per_language(("ro",), "google/xquad", "xquad.ro", "validation")},
    ),
    replace(
        XTREME_TASKS["tatoeba"],
        name="tatoeba_r",
        title="Tatoeba, 41 languages",
        dev=TATOEBA,
        test=TATOEBA,
    ),
    Task(
        name="lareqa",
        title="LAReQA (XQuAD-R)",
        format="rank",
        kind="semantic",
        domain="wikipedia",
        scorer="ranking",
        columns={"id": "id", "query": "question", "key": "id", "group": "context"},
        dev=LAREQA,
        test=LAREQA,
        trains_on="squad_pairs",
        items_of="xquad",
        pool="lareqa_sentences",
        group="retrieval",
        licence="CC BY-SA 4.0",
        note=(
            "For each question, the model must find the answer sentences, one in each language, among the sentences "
            "of all languages. It has one evaluation split. The note of lareqa_sentences describes how sentences are "
            "split."
        ),
    ),
    Task(
        name="mewslix",
        title="Mewsli-X",
        format="rank",
        domain="news",
        scorer="ranking",
        columns={"query": "mention", "key": "entity_id"},
        dev=per_language(languages.MEWSLIX, MEWSLIX, "{}", "validation"),
        test=per_language(languages.MEWSLIX, MEWSLIX, "{}", "test"),
        trains_on="mewslix_pairs",
        pool="mewslix_entities",
        group="retrieval",
        licence="Apache-2.0; text from WikiNews, CC BY",
        note=(
            "For each mention in a sentence, the model must find the entity among a million. The release is newer "
            "than that of the XTREME-R paper, so scores are not comparable. The columns follow the author of the copy."
        ),
        departs="a newer release than that of the published scores",
    ),
)
