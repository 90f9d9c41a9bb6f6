"""The targets in other languages, read from generated repositories with the layout that the Hub has."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from datasets import ClassLabel, List
from transformers import PreTrainedTokenizerFast

from sweeper.data.encode import encode
from sweeper.data.entry import Encoded
from sweeper.data.source import Sources, data_identity
from sweeper.data.survey import survey
from sweeper.formats.table import FORMATS
from sweeper.records.spec import DataSpec
from sweeper.tasks.catalog import CATALOG
from sweeper.tasks.spec import Task

MASAKHANER = CATALOG["masakhaner"]
TAGS = [["B-PER", "I-PER", "B-DATE", "I-DATE"], ["B-LOC", "O", "O", "B-DATE"]]
NEWS = {
    "id": ["0", "1"],
    "tokens": [["a", "b", "c", "d"], ["e", "f", "g", "h"]],
    "ner_tags": [[MASAKHANER.labels.index(tag) for tag in tags] for tags in TAGS],
}
NAMES = {"ner_tags": List(ClassLabel(names=list(MASAKHANER.labels)))}
NLI = {"premise": ["a b"], "hypothesis": ["c"], "label": [2]}
PASSAGE = {
    "link": ["one"],
    "question_number": [1],
    "flores_passage": ["a b c"],
    "question": ["d"],
    **{f"mc_answer{number}": [answer] for number, answer in enumerate("efgh", start=1)},
}
REPOSITORIES: Mapping[str, tuple[str, str, str, Mapping[str, Any], Any]] = {
    "masakhaner": ("masakhane/masakhaner2", "zul", "zu", NEWS, NAMES),
    "sib200": ("mteb/sib200", "bam_Latn", "bm", {"text": ["a b"], "category": ["science/technology"]}, None),
    "belebele": ("facebook/belebele", "wol_Latn", "wo", {**PASSAGE, "correct_answer_num": ["3"]}, None),
    "americas_nli": (
        "nala-cub/americas_nli",
        "quy",
        "qu",
        NLI,
        {"label": ClassLabel(names=["entailment", "neutral", "contradiction"])},
    ),
    "ntrex": ("local/ntrex_pairs", "ha-en", "ha", {"sentence1": ["a"], "sentence2": ["b"]}, None),
}


def read(name: str, write: Any, sources: Sources, tokenizer: PreTrainedTokenizerFast, task: Task) -> Encoded:
    id_, config, language, rows, features = REPOSITORIES[name]
    write(id_, {config: {"test": rows}}, features)
    data = DataSpec(task=name, part="test", languages=(language,), max_length=16, stride=2)
    return encode(data, task, language, sources, tokenizer)


@pytest.mark.parametrize("name", REPOSITORIES)
def test_an_entry_reads_a_repository_with_the_layout_of_the_hub(
    name: str, write: Any, sources: Sources, tokenizer: PreTrainedTokenizerFast
) -> None:
    encoded = read(name, write, sources, tokenizer, CATALOG[name])
    fields = {
        "masakhaner": {"tokens": ["a", "b", "c", "d"], "tags": ["B-PER", "I-PER", "O", "O"]},
        "sib200": {"text": "a b", "pair": None, "label": "science/technology"},
        "belebele": {"prompt": "a b c d", "choices": ["e", "f", "g", "h"], "label": 2},
        "americas_nli": {"text": "a b", "pair": "c", "label": "contradiction"},
        "ntrex": {"source": "a", "target": "b"},
    }
    assert encoded.examples[0].fields == fields[name]


def test_a_number_is_the_correct_answer_too_and_counts_from_one() -> None:
    row = {column: values[0] for column, values in PASSAGE.items()}
    [example] = FORMATS["choose"].read({**row, "correct_answer_num": 1}, CATALOG["belebele"], 0)
    assert example.fields["label"] == 0


def test_dates_are_words_outside_of_names_for_a_head_without_dates(
    write: Any, sources: Sources, tokenizer: PreTrainedTokenizerFast
) -> None:
    encoded = read("masakhaner", write, sources, tokenizer, MASAKHANER)
    assert encoded.labels == CATALOG["ner"].labels
    # A perfect head of PAN-X cannot find dates. Its spans are the two names.
    guesses = [["B-PER", "I-PER", "O", "O"], ["B-LOC", "O", "O", "O"]]
    scored = FORMATS["tag"].score(encoded.examples, guesses, MASAKHANER, "zu")
    assert scored.metrics["f1"] == 1.0
    assert survey(MASAKHANER, "test", "zu", sources).labels == {"B-PER": 1, "I-PER": 1, "B-LOC": 1, "O": 5}


def test_the_map_is_a_part_of_the_identity_of_the_data_and_of_the_cached_examples(
    write: Any, sources: Sources, tokenizer: PreTrainedTokenizerFast
) -> None:
    plain = replace(MASAKHANER, label_map={})
    assert read("masakhaner", write, sources, tokenizer, plain).examples[0].fields["tags"] == TAGS[0]
    mapped = encode(
        DataSpec(task="masakhaner", part="test", languages=("zu",), max_length=16, stride=2),
        MASAKHANER,
        "zu",
        sources,
        tokenizer,
    )
    assert mapped.examples[0].fields["tags"] == ["B-PER", "I-PER", "O", "O"]
    identities = {data_identity(task, "test", ["zu"], sources) for task in (plain, MASAKHANER)}
    assert len(identities) == 2
