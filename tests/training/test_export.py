"""Trained targets with their heads as folders that transformers loads: the same predictions, in every family."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForMultipleChoice,
    AutoTokenizer,
    BertConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    pipeline,
)

from analysis.export.usage import USAGES
from search_spaces.tiny import SPACE
from sweeper.errors import UserError
from sweeper.formats.interface import Example
from sweeper.records.record import TrainingRecord
from sweeper.records.spec import TrialSpec
from sweeper.run.run import Run
from sweeper.training.export import export_with_head
from sweeper.training.model import Net, load_body
from sweeper.training.standard import CLASSES, standard_model
from sweeper.training.trial import run_trial
from sweeper.training.workbench import Workbench
from tests.encoders import ENCODERS, SIZES, save_encoder
from tests.worlds import BY_NAME, TRAINING, TrialFolders, data, score, stage, trial

pytestmark = pytest.mark.seconds

LEARNING = replace(TRAINING, cap_examples=64, epochs=3, max_length=128)
LANGUAGES = ("en", "xa")
Predict = Callable[[str, Sequence[Example]], list[str]]


def classified(folder: str, examples: Sequence[Example]) -> list[str]:
    classify = pipeline("text-classification", model=folder)
    inputs = [{"text": example.fields["text"], "text_pair": example.fields["pair"]} for example in examples]
    return [output["label"] for output in classify(inputs, truncation=True)]


def tagged(folder: str, examples: Sequence[Example]) -> list[str]:
    tag = pipeline("token-classification", model=folder, ignore_labels=[])
    return [json.dumps(tags_of_words(tag, example.fields["tokens"]), ensure_ascii=False) for example in examples]


def tags_of_words(tag: Any, words: Sequence[str]) -> list[str]:
    """The tag of each word: that of its first token. The pipeline gives positions in the words joined by spaces."""
    [outputs] = tag([list(words)], is_split_into_words=True)
    by_start = {output["start"]: output["entity"] for output in reversed(outputs)}
    return [by_start[len(" ".join(words[:number])) + bool(number)] for number in range(len(words))]


def answered(folder: str, examples: Sequence[Example]) -> list[str]:
    """The answers that the code of the model card gives."""
    code = USAGES["span"].code.replace("FOLDER", folder)
    [line] = [line for line in code.splitlines() if line.startswith("question, context =")]
    names: dict[str, Any] = {}
    load, answer = code.split(line)
    exec(load, names)
    answers = []
    for example in examples:
        names |= {name: example.fields[name] for name in ("question", "context")}
        exec(answer, names)
        answers.append(names["answer"])
    return answers


def chosen(folder: str, examples: Sequence[Example]) -> list[str]:
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForMultipleChoice.from_pretrained(folder)
    return [str(best_choice(tokenizer, model, example)) for example in examples]


def best_choice(tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel, example: Example) -> int:
    choices = example.fields["choices"]
    prompts = [example.fields["prompt"]] * len(choices)
    batch = tokenizer(prompts, choices, truncation="only_first", padding=True, return_tensors="pt")
    with torch.inference_mode():
        return int(model(**{name: value[None] for name, value in batch.items()}).logits.argmax())


TARGETS: dict[str, tuple[str, Predict]] = {
    "classify": ("xclaims", classified),
    "tag": ("words", tagged),
    "span": ("xquestions", answered),
    "choose": ("gaps", chosen),
}
"""Format -> a target, and the predictions of an exported folder."""


def spec_of(task: str, *, keep: bool) -> TrialSpec:
    """A short training of a task, scored on 100 examples."""
    trained = stage(task, training=LEARNING)
    trained = replace(trained, data=tuple(replace(each, max_length=128, cap_examples=64) for each in trained.data))
    scored = score(task, languages=LANGUAGES if BY_NAME[task].test else ("en",))
    # The world has fewer than 100 evaluation rows of a multiple-choice task; rows that were trained on will do.
    read = scored.data if BY_NAME[task].test else data(task, "train")
    number = 100 // len(read.languages)
    scored = replace(scored, data=replace(read, max_length=128, cap_examples=number))
    return trial(trained, scores=(scored,), keep=keep)


def finished(folders: TrialFolders, spec: TrialSpec) -> tuple[str, TrainingRecord, Workbench]:
    """A run folder with one finished trial."""
    bench = folders.bench()
    run = Run.at(str(folders.root / "run"))
    run.keep_space(SPACE)
    run.keep_site(bench.site)
    return run.url, run_trial(spec, bench).training, bench


@pytest.mark.parametrize("name", TARGETS)
def test_an_exported_target_gives_the_predictions_of_the_ledger_on_100_examples(
    name: str, folders: TrialFolders, tmp_path: Path
) -> None:
    task, predict = TARGETS[name]
    spec = spec_of(task, keep=True)
    run, record, bench = finished(folders, spec)
    written = export_with_head(run, record, tmp_path / "out")
    assert not written.is_retrained
    outcomes = bench.ledger.outcomes(next(iter(bench.ledger.scores().values())))
    encoded = bench.reader(spec).encoded(spec.scores[0].data)
    examples = [example for language in encoded.values() for example in language.examples]
    assert [example.id for example in examples] == list(outcomes["example"])
    assert len(examples) == 100
    assert len(set(outcomes["prediction"])) > 1
    assert predict(str(tmp_path / "out"), examples) == list(outcomes["prediction"])
    assert AutoTokenizer.from_pretrained(tmp_path / "out").model_max_length == 128


def test_a_target_that_the_run_did_not_keep_is_trained_again_and_must_equal_the_ledger(
    folders: TrialFolders, tmp_path: Path
) -> None:
    run, record, bench = finished(folders, spec_of("xclaims", keep=False))
    messages: list[str] = []
    assert export_with_head(run, record, tmp_path / "out", notify=messages.append).is_retrained
    assert len(messages) == 1
    assert "It is trained again, which takes as long as before" in messages[0]
    assert not bench.store.keys(), "the run folder does not change"
    bench.ledger.write_training(replace(record, value=2.0))
    with pytest.raises(UserError, match=r"differs from the ledger.* 2\.0 in the ledger.* keep_targets=true"):
        export_with_head(run, record, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_an_encoder_that_the_store_has_lost_is_trained_first_and_stored_in_the_run(
    folders: TrialFolders, tmp_path: Path
) -> None:
    spec = spec_of("xclaims", keep=False)
    spec = replace(spec, chain=(stage("claims", training=LEARNING), *spec.chain), tasks=tuple(BY_NAME.values()))
    run, record, bench = finished(folders, spec)
    [start] = bench.store.keys()
    bench.store.remove(start)
    messages: list[str] = []
    export_with_head(run, record, tmp_path / "out", notify=messages.append)
    assert "The encoder at its start is not in the store: it is trained first and stored in the run." in messages[0]
    assert bench.store.keys() == [start]


SUPPORTED = {
    "xlmr": {"sequence", "choice", "token", "span", "mlm"},
    "bert": {"sequence", "choice", "token", "span", "mlm"},
    "mdeberta": {"sequence", "choice", "token", "span", "mlm"},
    "rembert": {"sequence", "choice", "token", "span"},
    "eurobert": {"token"},
    "modernbert": set(),
    "mmbert": set(),
}
"""Family of encoders -> the heads that a class of transformers expresses; docs/guide.md repeats this table."""


def folder_of(family: str, folder: Path) -> str:
    if family in ENCODERS:
        return save_encoder(family, folder)
    from transformers import AutoModel

    AutoModel.from_config(BertConfig(vocab_size=100, max_position_embeddings=40, **SIZES)).save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize("family", SUPPORTED)
def test_a_head_is_exported_if_a_class_of_transformers_computes_the_same_and_refused_otherwise(
    family: str, tmp_path: Path
) -> None:
    folder, expressed = folder_of(family, tmp_path), set()
    for head in CLASSES:
        body: Any = load_body(folder)
        net = Net(body, {"task": (head, body.config.vocab_size if head == "mlm" else 3)})
        with torch.no_grad():
            for parameter in net.head("task").parameters():
                parameter.normal_(std=0.5)
        try:
            labels = ["a", "b", "c"] if head in ("sequence", "token") else []
            standard_model(net, "task", head, labels)
            expressed.add(head)
        except UserError as error:
            assert f"of the family {body.config.model_type!r}. Without --with-head" in str(error)
    assert expressed == SUPPORTED[family]


def test_a_head_without_a_class_of_transformers_is_refused(encoder: str) -> None:
    net = Net(load_body(encoder), {"pairs": ("dual", 0)})
    with pytest.raises(UserError, match=r"'dual', for which transformers has no class\. Without --with-head"):
        standard_model(net, "pairs", "dual", ())
