"""Translation models: tiny ones with random weights, the checks of a translator, and translated stages."""

import importlib.util
import json
import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from sweeper.data.source import Sources
from sweeper.data.translate.cached import CachedTranslator
from sweeper.data.translate.identity import portable_name, translator_identity
from sweeper.errors import DataError, UserError
from sweeper.files.folder import Folder
from sweeper.files.serialize import plain
from sweeper.records.spec import DataSpec, PerturbationSpec, StageSpec, TranslationSpec, deciding, training_key
from sweeper.run.shared import Shared
from sweeper.training.check import _check_evaluations
from sweeper.training.stage import DataReader, make_schedule, run_stage
from sweeper.training.translators import (
    BATCH_ROWS,
    NLLB,
    Models,
    Seq2Seq,
    check_translator,
    needs_device,
    open_translator,
    round_trip_specs,
    target_codes,
)
from tests import translators_tiny as tiny
from tests.worlds import MODEL, data, stage

CPU = torch.device("cpu")
TEXTS = (
    "Who founded the town?",
    "The river flows.",
    "In 1648 the duchy came to Sweden, and the bridge was built later.",
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.m2m100(tmp_path_factory.mktemp("models") / "m2m100")


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    return Sources(mirror=None, cache=tmp_path / "cache")


def spec_of(by: str, *languages: str, sources: Sources, **more: Any) -> TranslationSpec:
    """A translation spec with the identities of its translator."""
    identities = tuple(translator_identity(by, language, None, sources) for language in languages)
    return replace(tiny.spec(by, *languages, **more), identities=identities)


def test_a_translation_does_not_depend_on_the_other_sentences(model: Path, sources: Sources) -> None:
    engine = Seq2Seq(spec=spec_of(str(model), "de", sources=sources), sources=sources, device=CPU)
    together = engine.translate(TEXTS, "de")
    assert [engine.translate([text], "de")[0] for text in TEXTS] == together
    assert engine.translate(TEXTS[::-1], "de") == together[::-1]
    assert len(set(together)) == len(TEXTS)


def test_every_pass_has_the_same_number_of_rows_and_a_power_of_two_of_tokens(
    model: Path, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Seq2Seq(spec=spec_of(str(model), "de", sources=sources), sources=sources, device=CPU)
    _, loaded = engine._model("de")
    shapes: list[tuple[int, ...]] = []
    generate = loaded.generate
    monkeypatch.setattr(
        loaded, "generate", lambda **inputs: shapes.append(tuple(inputs["input_ids"].shape)) or generate(**inputs)
    )
    engine.translate([*TEXTS, "word " * 60], "de")
    assert {rows for rows, _ in shapes} == {BATCH_ROWS}
    assert [width & (width - 1) for _, width in shapes] == [0] * len(shapes)


def test_language_and_beam_width_change_the_translations(model: Path, sources: Sources) -> None:
    translations = []
    for language, beams in (("de", 1), ("sw", 1), ("de", 3)):
        spec = spec_of(str(model), language, sources=sources, num_beams=beams)
        translations.append(open_translator(spec, sources, CPU).translate(TEXTS, language))
    assert translations[0] != translations[1]
    assert translations[0] != translations[2]
    assert len(list((sources.cache / "translations").rglob("*.jsonl"))) == 3


def test_the_cache_of_a_language_is_used_with_other_languages(
    model: Path, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_translator(spec_of(str(model), "de", sources=sources), sources, CPU).translate(TEXTS, "de")
    translator = open_translator(spec_of(str(model), "ru", "de", sources=sources), sources, CPU)
    assert isinstance(translator, CachedTranslator)
    monkeypatch.setattr(Seq2Seq, "translate", None)
    assert translator.translate(TEXTS, "de") == first


def test_a_second_node_downloads_the_translations_of_a_model(
    model: Path, sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, store = spec_of(str(model), "de", sources=sources), Folder(f"memory://{uuid.uuid4().hex}/cache")

    def translated(node: str) -> Mapping[str, str]:
        cache = tmp_path / node
        on_node = replace(sources, cache=cache, shared=Shared(store, cache))
        return open_translator(spec, on_node, CPU).translate(TEXTS, "de")

    first = translated("first")
    monkeypatch.setattr(Seq2Seq, "translate", None)
    assert translated("second") == first


def test_questions_are_paraphrased_by_a_model_in_both_directions(model: Path, reader: DataReader) -> None:
    identity = translator_identity(str(model), "de", None, reader.sources)
    spec = PerturbationSpec(name="paraphrase", budget=1.0, source="de", by=str(model), source_identity=identity)
    clean = data("xquestions", "test", ("en",), cap_examples=4)
    old, new = (reader.encoded(each)["en"].examples for each in (clean, replace(clean, perturbation=spec)))
    there, back = round_trip_specs(spec, "en")
    assert (there.source, there.languages, back.source, back.languages) == ("en", ("de",), "de", ("en",))
    models: Models = {}
    engines = [Seq2Seq(spec=each, sources=reader.sources, device=CPU, loaded=models) for each in (there, back)]
    for before, after in zip(old, new, strict=True):
        question = before.fields["question"]
        german = engines[0].translate([question], "de")
        expected = engines[1].translate(german, "en")[0] or question
        assert after == replace(before, fields={**before.fields, "question": expected})
    assert len(models) == 1
    assert [example.fields["question"] for example in new] != [example.fields["question"] for example in old]


def test_a_marian_model_cannot_translate_back() -> None:
    bilingual = FakeTokenizer()
    bilingual.supported_language_codes = []  # type: ignore[attr-defined]
    with pytest.raises(UserError, match=r"marian \(MarianMT\) translates in one direction"):
        target_codes(bilingual, "en", "marian", "de")  # type: ignore[arg-type]


def test_a_translator_that_has_changed_since_the_sweep_started_is_an_error(
    tmp_path: Path, model: Path, sources: Sources
) -> None:
    shutil.copytree(model, tmp_path / "copy")
    spec = spec_of(str(tmp_path / "copy"), "de", sources=sources)
    config = json.loads((tmp_path / "copy" / "generation_config.json").read_text())
    (tmp_path / "copy" / "generation_config.json").write_text(json.dumps({**config, "length_penalty": 2.0}))
    with pytest.raises(DataError, match="has changed since the sweep started"):
        open_translator(spec, sources, CPU)


def test_the_error_for_an_unsupported_language_suggests_the_nearest_one(model: Path, sources: Sources) -> None:
    check_translator(spec_of(str(model), "de", "sw", sources=sources), sources)
    with pytest.raises(UserError, match=r"No language of .* is called 'deu'\. Did you mean 'de'\?"):
        check_translator(spec_of(str(model), "deu", sources=sources), sources)


def test_an_encoder_as_translator_is_an_error(encoder: str, sources: Sources) -> None:
    with pytest.raises(UserError, match=r"does not translate: use a sequence-to-sequence model such as facebook"):
        check_translator(spec_of(encoder, "de", sources=sources), sources)


def test_a_translation_model_with_too_few_positions_is_an_error(tmp_path: Path, sources: Sources) -> None:
    short = tiny.m2m100(tmp_path / "short", positions=256)
    with pytest.raises(UserError, match="has 256 positions; sentences of up to 400 characters need 512"):
        check_translator(spec_of(str(short), "de", sources=sources), sources)


class FakeTokenizer:
    """A tokenizer with the given language tokens, and without any other method."""

    unk_token_id = 3

    def __init__(self, *tokens: str) -> None:
        self.tokens = tokens

    def convert_tokens_to_ids(self, token: str) -> int:
        return 10 + self.tokens.index(token) if token in self.tokens else self.unk_token_id


def test_nllb_uses_its_own_language_codes() -> None:
    codes = target_codes(FakeTokenizer("eng_Latn", "swh_Latn"), "sw", "nllb")  # type: ignore[arg-type]
    assert (codes.source, codes.first) == ("eng_Latn", 11)
    with pytest.raises(UserError, match=r"The tokenizer of nllb has no token 'deu_Latn' for 'de'"):
        target_codes(FakeTokenizer("eng_Latn"), "de", "nllb")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="No language with an NLLB code is called 'xx'"):
        target_codes(FakeTokenizer("eng_Latn"), "xx", "nllb")  # type: ignore[arg-type]


def test_marian_gets_a_language_prefix_only_if_it_has_several_languages() -> None:
    bilingual, multilingual = FakeTokenizer(), FakeTokenizer()
    bilingual.supported_language_codes = []  # type: ignore[attr-defined]
    multilingual.supported_language_codes = [">>deu<<", ">>fr<<"]  # type: ignore[attr-defined]
    assert target_codes(bilingual, "de", "marian").prefix == ""  # type: ignore[arg-type]
    assert [target_codes(multilingual, code, "marian").prefix for code in ("de", "fr")] == [">>deu<< ", ">>fr<< "]  # type: ignore[arg-type]
    with pytest.raises(UserError, match="No language of marian is called 'sw'"):
        target_codes(multilingual, "sw", "marian")  # type: ignore[arg-type]


@pytest.mark.parametrize("sacremoses", [True, False])
def test_the_error_for_missing_sacremoses_names_the_extra(
    tmp_path: Path, model: Path, sources: Sources, sacremoses: bool
) -> None:
    if sacremoses != bool(importlib.util.find_spec("sacremoses")):
        pytest.skip("sacremoses is not installed" if sacremoses else "sacremoses is installed")
    by = str(tiny.marian(tmp_path / "marian-en-de").parent / "marian-en-{language}")
    spec = spec_of(by, "de", sources=sources)
    if not sacremoses:
        with pytest.raises(UserError, match=r"needs sacremoses: pip install 'transfer-sweeper\[marian\]'"):
            check_translator(spec, sources)
        return
    check_translator(spec, sources)
    translator = open_translator(spec, sources, CPU)
    assert translator.translate(TEXTS, "de") == open_translator(spec, sources, CPU).translate(TEXTS[::-1], "de")


def test_every_language_of_the_benchmarks_has_an_nllb_code() -> None:
    codes = (
        "af ar az bg bn de el es et eu fa fi fr gu he hi ht hu id it ja jv ka kk ko lt ml mr ms my nl pa pl pt qu ro ru"
    )
    assert set(f"{codes} sw ta te th tl tr uk ur vi wo yo zh en".split()) <= set(NLLB)
    assert len(set(NLLB.values())) == len(NLLB)


def test_only_a_model_needs_a_device() -> None:
    assert [needs_device(tiny.spec(by, "de")) for by in ("facebook/m2m100_418M", "folder:x", "apertium")] == [
        True,
        False,
        False,
    ]


def test_a_local_folder_becomes_an_absolute_path_and_a_hub_id_does_not_change(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(model.parent)
    sources = Sources(mirror=tmp_path, cache=tmp_path)
    assert portable_name("m2m100", "de", sources) == str(model)
    assert portable_name("folder:m2m100", "de", sources) == f"folder:{model}"
    for by in ("facebook/m2m100_418M", "Helsinki-NLP/opus-mt-en-{language}", "apertium"):
        assert portable_name(by, "de", sources) == by


Translate = Callable[..., StageSpec]


@pytest.fixture
def translated(model: Path) -> Translate:
    """A function that makes a stage whose task is translated by the tiny model."""

    def make(reader: DataReader, task: str = "claims", **more: Any) -> StageSpec:
        spec = spec_of(str(model), "de", "sw", sources=reader.sources, share=more.pop("share", 0.5))
        english = stage(task, **more)
        return replace(english, data=tuple(replace(data_spec, translation=spec) for data_spec in english.data))

    return make


def test_a_stage_trains_on_translated_examples_and_reports_their_number(
    reader: DataReader, translated: Translate, body: Any, context: Any, messages: list[str]
) -> None:
    notifying = replace(reader, notify=messages.append)
    spec = translated(notifying)
    trained = run_stage(body, spec, notifying, context)
    counts = trained.progress.translated["claims"]
    (english,) = reader.encoded(replace(spec.data[0], translation=None)).values()
    (mixed,) = notifying.encoded(spec.data[0]).values()
    changed = [a.fields != b.fields for a, b in zip(english.examples, mixed.examples, strict=True)]
    assert counts == mixed.translated
    assert sum(changed) == sum(counts[code]["translated"] for code in ("de", "sw")) > 0
    assert not all(changed)
    assert mixed.features.labels["label"].tolist() == english.features.labels["label"].tolist()
    assert len(messages) == 1 and messages[0].startswith("claims: examples translated by ")


def test_a_translation_can_be_combined_with_masked_language_modelling_and_several_tasks(
    reader: DataReader, translated: Translate
) -> None:
    spec = translated(reader, mlm=0.5)
    two_tasks = replace(spec, data=(*spec.data, data("words")))
    tasks = [stream.items.task for stream in make_schedule(two_tasks, reader).streams]
    assert tasks == ["claims", "words", "texts"]


def test_preparing_data_does_not_run_a_translation_model(
    reader: DataReader, translated: Translate, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_english: list[bool] = []

    def encoded(self: DataReader, data: DataSpec) -> dict[str, Any]:
        in_english.append(data.translation is None)
        return {}

    monkeypatch.setattr(DataReader, "encoded", encoded)
    spec = translated(reader).data[0]
    reader.prepare(spec)
    assert spec.translation is not None
    reader.prepare(replace(spec, translation=replace(spec.translation, by="folder:x")))
    assert in_english == [True, False]


def test_preparing_paraphrases_checks_the_model_for_every_language_in_both_directions(
    reader: DataReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[tuple[str, tuple[str, ...]]] = []
    monkeypatch.setattr(DataReader, "encoded", lambda self, data: {})
    monkeypatch.setattr(
        "sweeper.training.stage.check_translator", lambda spec, sources: checked.append((spec.source, spec.languages))
    )
    spec = PerturbationSpec(name="paraphrase", budget=1.0, source="en", by="t/m2m", source_identity="i")
    reader.prepare(replace(data("xquestions", "test", ("xa", "xg")), perturbation=spec))
    assert checked == [("xa", ("en",)), ("en", ("xa",)), ("xg", ("en",)), ("en", ("xg",))]


def test_the_steps_of_a_stage_are_counted_without_a_translation_model(
    reader: DataReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[StageSpec] = []
    schedule = make_schedule(stage("claims"), reader)
    monkeypatch.setattr("sweeper.training.check.make_schedule", lambda spec, reader: counted.append(spec) or schedule)
    again = PerturbationSpec(name="paraphrase", budget=1.0, source="de", by="t/m2m", source_identity="i")
    typos = PerturbationSpec(name="keyboard", budget=0.1)
    sets = tuple(replace(data("claims"), perturbation=spec) for spec in (again, typos))
    best = replace(stage("claims").training, keep="best", evaluate_every=1)
    _check_evaluations(replace(stage("claims"), data=sets, training=best), reader)
    assert [each.perturbation for each in counted[0].data] == [None, typos]


def test_a_key_depends_on_the_translation_but_not_on_the_location_of_the_translator(
    reader: DataReader, translated: Translate
) -> None:
    spec = translated(reader)
    (data_spec,) = spec.data
    assert data_spec.translation is not None
    translation = data_spec.translation

    def key(**changes: Any) -> str:
        changed = replace(data_spec, translation=replace(translation, **changes))
        return training_key(MODEL, (replace(spec, data=(changed,)),))

    assert key(by="/elsewhere") == key()
    deciding_changes = [{"languages": ("de", "ru")}, {"share": 0.6}, {"num_beams": 5}, {"identities": ("x", "y")}]
    assert len({key(), training_key(MODEL, (stage("claims"),)), *(key(**change) for change in deciding_changes)}) == 6
    assert "by" in plain(translation)
    assert "by" not in deciding(translation)
