"""Models that translate: real ones made tiny, whose noise is always the same; what is checked, and what travels."""

import importlib.util
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from sweeper.data.source import Sources
from sweeper.data.translate.cached import CachedTranslator
from sweeper.data.translate.identity import portable_name, translator_identity
from sweeper.errors import DataError, UserError
from sweeper.files.serialize import plain
from sweeper.records.spec import StageSpec, TranslationSpec, deciding, training_key
from sweeper.training.stage import DataReader, make_schedule, run_stage
from sweeper.training.translators import (
    BATCH_ROWS,
    NLLB,
    Seq2Seq,
    check_translator,
    needs_device,
    open_translator,
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


def known(by: str, *languages: str, sources: Sources, **more: Any) -> TranslationSpec:
    """A spec with the identities of its translator."""
    found = tuple(translator_identity(by, language, None, sources) for language in languages)
    return replace(tiny.spec(by, *languages, **more), identities=found)


def test_a_sentence_comes_out_the_same_whatever_stands_beside_it(model: Path, sources: Sources) -> None:
    engine = Seq2Seq(spec=known(str(model), "de", sources=sources), sources=sources, device=CPU)
    together = engine.translate(TEXTS, "de")
    assert [engine.translate([text], "de")[0] for text in TEXTS] == together
    assert engine.translate(TEXTS[::-1], "de") == together[::-1]
    assert len(set(together)) == len(TEXTS)


def test_every_pass_has_as_many_rows_and_a_power_of_two_of_tokens(
    model: Path, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Seq2Seq(spec=known(str(model), "de", sources=sources), sources=sources, device=CPU)
    _, loaded = engine._model("de")
    shapes: list[tuple[int, ...]] = []
    generate = loaded.generate
    monkeypatch.setattr(
        loaded, "generate", lambda **given: shapes.append(tuple(given["input_ids"].shape)) or generate(**given)
    )
    engine.translate([*TEXTS, "word " * 60], "de")
    assert {rows for rows, _ in shapes} == {BATCH_ROWS}
    assert [width & (width - 1) for _, width in shapes] == [0] * len(shapes)


def test_the_language_asked_for_and_the_width_of_the_search_decide_what_is_said(model: Path, sources: Sources) -> None:
    said = []
    for language, beams in (("de", 1), ("sw", 1), ("de", 3)):
        spec = known(str(model), language, sources=sources, num_beams=beams)
        said.append(open_translator(spec, sources, CPU).translate(TEXTS, language))
    assert said[0] != said[1]
    assert said[0] != said[2]
    assert len(list((sources.cache / "translations").rglob("*.jsonl"))) == 3


def test_another_set_of_languages_finds_what_was_translated_before(
    model: Path, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_translator(known(str(model), "de", sources=sources), sources, CPU).translate(TEXTS, "de")
    again = open_translator(known(str(model), "ru", "de", sources=sources), sources, CPU)
    assert isinstance(again, CachedTranslator)
    monkeypatch.setattr(Seq2Seq, "translate", None)
    assert again.translate(TEXTS, "de") == first


def test_a_translator_that_was_exchanged_meanwhile_is_refused(tmp_path: Path, model: Path, sources: Sources) -> None:
    shutil.copytree(model, tmp_path / "own")
    spec = known(str(tmp_path / "own"), "de", sources=sources)
    config = json.loads((tmp_path / "own" / "generation_config.json").read_text())
    (tmp_path / "own" / "generation_config.json").write_text(json.dumps({**config, "length_penalty": 2.0}))
    with pytest.raises(DataError, match="has changed since the sweep started"):
        open_translator(spec, sources, CPU)


def test_a_language_that_the_model_does_not_know_is_answered_with_the_nearest_one(
    model: Path, sources: Sources
) -> None:
    check_translator(known(str(model), "de", "sw", sources=sources), sources)
    with pytest.raises(UserError, match=r"No language of .* is called 'deu'\. Did you mean 'de'\?"):
        check_translator(known(str(model), "deu", sources=sources), sources)


def test_an_encoder_is_no_translator(encoder: str, sources: Sources) -> None:
    with pytest.raises(UserError, match=r"does not translate: use a sequence-to-sequence model such as facebook"):
        check_translator(known(encoder, "de", sources=sources), sources)


def test_a_model_too_short_for_a_sentence_is_refused(tmp_path: Path, sources: Sources) -> None:
    short = tiny.m2m100(tmp_path / "short", positions=256)
    with pytest.raises(UserError, match="has 256 positions; sentences of up to 400 characters need 512"):
        check_translator(known(str(short), "de", sources=sources), sources)


class Asked:
    """The part of a tokenizer that is asked for a language."""

    unk_token_id = 3

    def __init__(self, *known: str) -> None:
        self.known = known

    def convert_tokens_to_ids(self, token: str) -> int:
        return 10 + self.known.index(token) if token in self.known else self.unk_token_id


def test_nllb_is_asked_in_codes_of_its_own() -> None:
    codes = target_codes(Asked("eng_Latn", "swh_Latn"), "sw", "nllb")  # type: ignore[arg-type]
    assert (codes.source, codes.first) == ("eng_Latn", 11)
    with pytest.raises(UserError, match=r"The tokenizer of nllb has no token 'deu_Latn' for 'de'"):
        target_codes(Asked("eng_Latn"), "de", "nllb")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="No language with an NLLB code is called 'xx'"):
        target_codes(Asked("eng_Latn"), "xx", "nllb")  # type: ignore[arg-type]


def test_marian_is_told_the_language_only_where_it_knows_several() -> None:
    one, several = Asked(), Asked()
    one.supported_language_codes, several.supported_language_codes = [], [">>deu<<", ">>fr<<"]  # type: ignore[attr-defined]
    assert target_codes(one, "de", "marian").prefix == ""  # type: ignore[arg-type]
    assert [target_codes(several, code, "marian").prefix for code in ("de", "fr")] == [">>deu<< ", ">>fr<< "]  # type: ignore[arg-type]
    with pytest.raises(UserError, match="No language of marian is called 'sw'"):
        target_codes(several, "sw", "marian")  # type: ignore[arg-type]


@pytest.mark.parametrize("sacremoses", [True, False])
def test_marian_needs_the_extra_that_is_named(tmp_path: Path, model: Path, sources: Sources, sacremoses: bool) -> None:
    if sacremoses != bool(importlib.util.find_spec("sacremoses")):
        pytest.skip("sacremoses is not installed" if sacremoses else "sacremoses is installed")
    by = str(tiny.marian(tmp_path / "marian-en-de").parent / "marian-en-{language}")
    spec = known(by, "de", sources=sources)
    if not sacremoses:
        with pytest.raises(UserError, match=r"needs sacremoses: pip install 'transfer-sweeper\[marian\]'"):
            check_translator(spec, sources)
        return
    check_translator(spec, sources)
    translator = open_translator(spec, sources, CPU)
    assert translator.translate(TEXTS, "de") == open_translator(spec, sources, CPU).translate(TEXTS[::-1], "de")


def test_every_language_of_the_benchmarks_has_an_nllb_code() -> None:
    wanted = (
        "af ar az bg bn de el es et eu fa fi fr gu he hi ht hu id it ja jv ka kk ko lt ml mr ms my nl pa pl pt qu ro ru"
    )
    assert set(f"{wanted} sw ta te th tl tr uk ur vi wo yo zh en".split()) <= set(NLLB)
    assert len(set(NLLB.values())) == len(NLLB)


def test_only_a_model_waits_for_a_device() -> None:
    assert [needs_device(tiny.spec(by, "de")) for by in ("facebook/m2m100_418M", "folder:x", "apertium")] == [
        True,
        False,
        False,
    ]


def test_a_folder_of_the_users_own_is_named_in_full_and_a_hub_id_as_it_is(
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
    """A stage whose task is translated by the tiny model."""

    def make(reader: DataReader, task: str = "claims", **more: Any) -> StageSpec:
        spec = known(str(model), "de", "sw", sources=reader.sources, share=more.pop("share", 0.5))
        one = stage(task, **more)
        return replace(one, data=tuple(replace(part, translation=spec) for part in one.data))

    return make


def test_a_stage_trains_on_translated_examples_and_says_how_many(
    reader: DataReader, translated: Translate, body: Any, context: Any, told: list[str]
) -> None:
    told_of: list[str] = []
    one = replace(reader, notify=told_of.append)
    spec = translated(one)
    trained = run_stage(body, spec, one, context)
    counts = trained.progress.translated["claims"]
    (english,) = reader.encoded(replace(spec.data[0], translation=None)).values()
    (mixed,) = one.encoded(spec.data[0]).values()
    changed = [a.fields != b.fields for a, b in zip(english.examples, mixed.examples, strict=True)]
    assert counts == mixed.translated
    assert sum(changed) == sum(counts[code]["translated"] for code in ("de", "sw")) > 0
    assert not all(changed)
    assert mixed.features.labels["label"].tolist() == english.features.labels["label"].tolist()
    assert told_of == [told_of[0]] and told_of[0].startswith("claims: examples translated by ")


def test_a_translation_combines_with_masked_language_modelling_and_several_tasks(
    reader: DataReader, translated: Translate
) -> None:
    spec = translated(reader, mlm=0.5)
    several = replace(spec, data=(*spec.data, data("words")))
    tasks = [stream.items.task for stream in make_schedule(several, reader).streams]
    assert tasks == ["claims", "words", "texts"]


def test_what_a_model_translates_is_left_to_the_trial_and_the_rest_is_read_at_once(
    reader: DataReader, translated: Translate, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(DataReader, "encoded", lambda self, data: asked.append(data.translation is None))
    spec = translated(reader).data[0]
    reader.prepare(spec)
    assert spec.translation is not None
    reader.prepare(replace(spec, translation=replace(spec.translation, by="folder:x")))
    assert asked == [True, False]


def test_model_languages_and_share_decide_a_key_and_the_place_of_the_translator_does_not(
    reader: DataReader, translated: Translate
) -> None:
    spec = translated(reader)
    (part,) = spec.data
    assert part.translation is not None
    again = part.translation

    def key(**changes: Any) -> str:
        changed = replace(part, translation=replace(again, **changes))
        return training_key(MODEL, (replace(spec, data=(changed,)),))

    assert key(by="/elsewhere") == key()
    others = [{"languages": ("de", "ru")}, {"share": 0.6}, {"num_beams": 5}, {"identities": ("x", "y")}]
    assert len({key(), training_key(MODEL, (stage("claims"),)), *(key(**change) for change in others)}) == 6
    assert "by" in plain(again)
    assert "by" not in deciding(again)
