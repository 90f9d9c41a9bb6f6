"""Translation: pieces of a text, stored translations, the translators, and the choice of examples."""

import json
import multiprocessing
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from sweeper.data.translate import apertium
from sweeper.data.translate.apertium import Apertium
from sweeper.data.translate.cached import CachedTranslator, TranslationFile
from sweeper.data.translate.examples import ExampleTranslator, language_of
from sweeper.data.translate.pieces import LONGEST, pieces_of
from sweeper.data.translate.recorded import Recorded
from sweeper.data.translate.round_trip import RoundTrip
from sweeper.errors import UserError
from sweeper.files.digests import digest
from sweeper.formats.interface import Example
from sweeper.tasks.catalog import CATALOG
from tests import translators_tiny as tiny


@dataclass
class UpperCase:
    """An engine that returns texts in upper case and records the batches that it got."""

    batches_seen: list[list[str]] = field(default_factory=list)
    interrupted_at: int = 10**9

    def batches(self, texts: Sequence[str]) -> list[list[str]]:
        return [list(texts[start : start + 2]) for start in range(0, len(texts), 2)]

    def translate(self, batch: Sequence[str], language: str) -> list[str]:
        if len(self.batches_seen) == self.interrupted_at:
            raise KeyboardInterrupt
        self.batches_seen.append(list(batch))
        return [f"{language}:{text.upper()}" for text in batch]


def cached_translator(folder: Path, engine: UpperCase | None = None) -> CachedTranslator:
    return CachedTranslator(engine or UpperCase(), {code: folder / f"{code}.jsonl" for code in ("de", "sw")})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It rained. We left! Why? No idea…", ["It rained.", "We left!", "Why?", "No idea…"]),
        ('He said "no." Then he left.', ['He said "no."', "Then he left."]),
        ("Mr. Smith met J. Doe of the U.S. Army.", ["Mr. Smith met J. Doe of the U.S. Army."]),
        ("approx. five, e.g. this", ["approx. five, e.g. this"]),
        ("A headline\nThen text", ["A headline", "Then text"]),
        ("  I can't. He can.", ["", "I can't.", "He can."]),
        ("", []),
    ],
)
def test_a_text_is_cut_at_the_ends_of_its_sentences(text: str, expected: list[str]) -> None:
    assert [piece.text for piece in pieces_of(text)] == expected


@pytest.mark.parametrize(
    "text", ["It rained.  We left.\n\nWhy? ", " \n A.\r\nB.", " ", "'a' 。b", "a" * 1000, "word " * 300, "One. " * 200]
)
def test_the_pieces_joined_are_the_text_and_none_is_too_long(text: str) -> None:
    pieces = pieces_of(text)
    assert "".join(piece.text + piece.gap for piece in pieces) == text
    assert max(len(piece.text) for piece in pieces) <= LONGEST


def test_a_stored_translation_is_not_computed_again(tmp_path: Path) -> None:
    first, second = UpperCase(), UpperCase()
    assert cached_translator(tmp_path, first).translate(["a", "b", "a"], "de") == {"a": "de:A", "b": "de:B"}
    assert cached_translator(tmp_path, second).translate(["b", "c"], "de") == {"b": "de:B", "c": "de:C"}
    assert (first.batches_seen, second.batches_seen) == ([["a", "b"]], [["c"]])
    assert cached_translator(tmp_path).translate(["a"], "sw") == {"a": "sw:A"}


def test_a_killed_translator_loses_only_its_last_batch(tmp_path: Path) -> None:
    texts = list("abcdef")
    with pytest.raises(KeyboardInterrupt):
        cached_translator(tmp_path, UpperCase(interrupted_at=2)).translate(texts, "de")
    after = UpperCase()
    cached_translator(tmp_path, after).translate(texts, "de")
    assert len(after.batches_seen) == 1


@pytest.mark.parametrize("place", [12, 20, 31, 50])
def test_a_line_with_a_flipped_bit_is_skipped(tmp_path: Path, place: int) -> None:
    path = tmp_path / "ko.jsonl"
    TranslationFile(path, "ko").add({"one": "\ud558\ub098", "two": "\ub458"})
    content = path.read_bytes()
    for bit in range(8):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :])
        again = TranslationFile(path, "ko")
        again.read()
        assert again.translations.get("one", "\ud558\ub098") == "\ud558\ub098"
        assert again.translations.get("two") in ("\ub458", None)


def test_the_file_of_another_translator_is_not_used(tmp_path: Path) -> None:
    first, second = (tmp_path / name / "ko.jsonl" for name in ("first", "second"))
    TranslationFile(first, "ko").add({"one": "\ud558\ub098"})
    second.parent.mkdir()
    second.write_bytes(first.read_bytes())
    other = TranslationFile(second, "ko")
    other.read()
    assert other.translations == {}


def test_a_line_with_the_digest_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    entry = {"text": "one", "language": "de", "translation": "eins", "digest": digest(["one", "de", "eins"])}
    (tmp_path / "de.jsonl").write_text(json.dumps(entry) + "\n")
    file = TranslationFile(tmp_path / "de.jsonl", "de")
    file.read()
    assert file.translations == {"one": "eins"}


def test_a_truncated_line_is_skipped_and_the_next_line_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "de.jsonl"
    cached_translator(tmp_path).translate(["a"], "de")
    with path.open("a") as file:
        file.write('{"text": "b", "lang')
    assert cached_translator(tmp_path).translate(["b"], "de") == {"b": "de:B"}
    assert cached_translator(tmp_path).translate(["a", "b"], "de") == {"a": "de:A", "b": "de:B"}


def test_the_first_line_of_a_text_counts_in_every_process(tmp_path: Path) -> None:
    first, second = (TranslationFile(tmp_path / "de.jsonl", "de") for _ in range(2))
    first.add({"a": "first"})
    second.add({"a": "second", "b": "new"})
    first.read()
    assert first.translations == second.translations == {"a": "first", "b": "new"}
    assert len((tmp_path / "de.jsonl").read_text().splitlines()) == 2


def _translate(folder: Path, texts: list[str]) -> None:
    cached_translator(folder).translate(texts, "de")


@pytest.mark.slow
def test_parallel_workers_store_each_translation_once(tmp_path: Path) -> None:
    texts = [f"text {number}" for number in range(120)]
    workers = [multiprocessing.get_context("spawn").Process(target=_translate, args=(tmp_path, texts)) for _ in "ab"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    lines = [json.loads(line) for line in (tmp_path / "de.jsonl").read_text().splitlines()]
    assert sorted(line["text"] for line in lines) == sorted(texts)
    assert all(line["translation"] == f"de:{line['text'].upper()}" for line in lines)


def test_a_folder_translates_a_whole_text_if_it_is_recorded_and_else_its_sentences(tmp_path: Path) -> None:
    whole = {"It rained. We left.": "Llovió y nos fuimos.", "Why?": "¿Por qué?", "No idea.": "Ni idea."}
    folder = Recorded(tiny.recorded(tmp_path, whole))
    assert [piece.text for piece in folder.pieces("It rained. We left.", "es")] == ["It rained. We left."]
    assert [piece.text for piece in folder.pieces("Why? No idea.", "es")] == ["Why?", "No idea."]
    assert folder.translate(["Why?"], "es") == {"Why?": "¿Por qué?"}


def test_a_missing_sentence_is_reported_with_the_line_that_the_folder_needs(tmp_path: Path) -> None:
    folder = Recorded(tiny.recorded(tmp_path, {"Why?": "¿Por qué?"}))
    with pytest.raises(
        UserError, match=r"no translation into 'de' of 'Why\?'.*\"text\": \"Why\?\", \"language\": \"de\""
    ):
        folder.translate(["Why?"], "de")


@pytest.mark.parametrize("line", ["{", '{"text": "a"}', "3", '{"text": "a", "language": "es", "translation": 1}'])
def test_a_line_of_another_layout_is_rejected_with_its_number(tmp_path: Path, line: str) -> None:
    (tmp_path / "x.jsonl").write_text(f'{{"text": "a", "language": "es", "translation": "b"}}\n\n{line}\n')
    with pytest.raises(UserError, match=r"x\.jsonl, line 3: "):
        Recorded(tmp_path).pieces("a", "es")


def test_a_folders_identity_depends_on_its_bytes_and_a_folder_without_files_is_rejected(tmp_path: Path) -> None:
    first = Recorded(tiny.recorded(tmp_path / "a", {"Why?": "¿Por qué?"})).identity
    assert Recorded(tiny.recorded(tmp_path / "b", {"Why?": "¿Por qué?"})).identity == first
    assert Recorded(tiny.recorded(tmp_path / "c", {"Why?": "¿Y?"})).identity != first
    with pytest.raises(UserError, match=r"'folder:.*/none' needs \*\.jsonl files in that folder, and there are none"):
        _ = Recorded(tmp_path / "none").identity


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fake `apertium` with language pairs as in Debian: Spanish and Galician directly, French through Catalan."""
    bin_folder = tiny.apertium(tmp_path / "usr", "eng-spa", "en-gl", "eng-cat", "cat-fra", "spa-eng")
    monkeypatch.setenv("PATH", f"{bin_folder}:{os.environ['PATH']}")
    return bin_folder


def test_apertium_translates_directly_or_through_a_pivot_language(program: Path) -> None:
    assert [apertium.route(code) for code in ("es", "gl", "fr")] == [("eng-spa",), ("en-gl",), ("eng-cat", "cat-fra")]
    assert Apertium().translate(["Hello.", "It is 5 o'clock."], "es") == ["spaHello.", "spaIt spais 5 spao'spaclock."]
    assert Apertium().translate(["Hello."], "fr") == ["fracatHello."]


def test_apertium_is_called_once_for_each_batch(program: Path) -> None:
    engine = Apertium()
    batches = engine.batches([f"text {number}" for number in range(501)])
    assert list(map(len, batches)) == [500, 1]
    assert len(engine.translate(batches[0], "es")) == 500
    assert len((program / "calls").read_text().splitlines()) == 1


def test_apertiums_identity_depends_on_the_dictionaries_of_its_modes(program: Path) -> None:
    before = apertium.identity("fr")
    assert apertium.identity("es") != before
    (program.parent / "share" / "apertium" / "cat-fra.bin").write_text("another dictionary")
    assert apertium.identity("fr") != before


def test_a_missing_language_pair_or_program_is_reported_with_the_packages_to_install(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        UserError, match=r"English into 'it': .*apt-get install apertium-eng-spa apertium-es-it.*eng-cat"
    ):
        apertium.route("it")
    with pytest.raises(UserError, match="English into 'sw': it supports es, ca, gl, eo, pt, it, fr"):
        apertium.route("sw")
    monkeypatch.setenv("PATH", str(program / "nowhere"))
    with pytest.raises(UserError, match="needs the program `apertium` on every machine that trains: install it"):
        apertium.identity("es")


@pytest.mark.skipif(shutil.which("apertium") is None, reason="the program apertium is not installed")
def test_the_real_apertium_translates_into_every_language_that_it_has_a_route_to() -> None:
    translated = []
    for code in apertium.PACKAGES:
        try:
            apertium.route(code)
        except UserError:
            continue
        texts = ["The house is big.", "The cat sleeps in the house."]
        first, second = Apertium().translate(texts, code)
        assert first and second and "house" not in first + second
        assert Apertium().translate(texts[1:], code) == [second]
        assert len(apertium.identity(code)) == 20
        translated.append(code)
    if not translated:
        pytest.skip("apertium is installed without a pair from English")


def pair(number: int) -> Example:
    return Example(
        id=str(number), group="g", fields={"text": f"Text {number}. More.", "pair": "So?", "label": "neutral"}
    )


def example_translator(
    folder: Path, *languages: str, share: float = 1.0, engine: UpperCase | None = None
) -> ExampleTranslator:
    return ExampleTranslator(
        spec=tiny.spec("x", *languages, share=share), translator=cached_translator(folder, engine), notify=str
    )


def test_an_examples_id_decides_its_language_and_the_languages_get_equal_shares() -> None:
    spec = tiny.spec("x", "de", "ru", "sw", share=0.6)
    chosen = [language_of(str(number), spec) for number in range(3000)]
    assert chosen == [language_of(str(number), spec) for number in range(3000)]
    assert chosen.count(None) == pytest.approx(1200, rel=0.1)
    assert [chosen.count(code) for code in spec.languages] == pytest.approx([600] * 3, rel=0.12)
    more = [language_of(str(number), replace(spec, share=0.9)) for number in range(3000)]
    assert all(after == before for before, after in zip(chosen, more, strict=True) if before)


def test_the_examples_keep_their_order_and_examples_that_are_not_chosen_stay_english(tmp_path: Path) -> None:
    work = example_translator(tmp_path, "de", "sw", share=0.5)
    examples = list(work.examples(map(pair, range(40)), CATALOG["mnli"]))
    assert [example.id for example in examples] == [str(number) for number in range(40)]
    for example in examples:
        language = language_of(example.id, work.spec)
        plain = pair(int(example.id))
        text = f"{language}:TEXT {example.id}. {language}:MORE."
        assert example == (
            replace(plain, fields={**plain.fields, "text": text, "pair": f"{language}:SO?"}) if language else plain
        )
    counts = work.summary()
    num_chosen = sum(bool(language_of(example.id, work.spec)) for example in examples)
    assert sum(numbers["translated"] for numbers in counts.values()) == num_chosen


def test_a_text_without_letters_is_not_passed_to_the_translator(tmp_path: Path) -> None:
    engine = UpperCase()
    example = replace(pair(1), fields={"text": "1066. 42!", "pair": "So?", "label": "neutral"})
    (translated,) = example_translator(tmp_path, "de", engine=engine).examples([example], CATALOG["mnli"])
    assert translated.fields["text"] == "1066. 42!"
    assert engine.batches_seen == [["So?"]]


def test_examples_whose_answer_is_lost_are_dropped_counted_and_reported(tmp_path: Path) -> None:
    def question(number: int, answer: str) -> Example:
        context = "The town lies here. It rains in Verden."
        fields = {"context": context, "question": "Where?", "answers": [answer], "may_decline": False}
        return Example(id=str(number), group="g", fields={**fields, "start": context.find(answer)})

    translations = {
        "The town lies here.": "La ciudad.",
        "It rains in Verden.": "Llueve en Verden.",
        "Where?": "¿Dónde?",
    }
    folder = Recorded(tiny.recorded(tmp_path, {**translations, "Verden": "verden", "town": "villa"}))
    messages: list[str] = []
    work = ExampleTranslator(spec=tiny.spec("folder", "es"), translator=folder, notify=messages.append)
    examples = list(work.examples([question(1, "Verden"), question(2, "town")], CATALOG["squad"]))
    assert [example.id for example in examples] == ["1"]
    assert examples[0].fields["answers"] == ["Verden"]
    assert examples[0].fields["context"][examples[0].fields["start"] :] == "Verden."
    assert work.summary() == {"es": {"translated": 1, "dropped": 1}}
    work.report("squad")
    assert messages == ["squad: examples translated by folder: es 1 (1 dropped)."]


def test_an_example_with_an_empty_translation_is_dropped(tmp_path: Path) -> None:
    folder = Recorded(tiny.recorded(tmp_path, {"Text 1.": "", "More.": "", "So?": "¿Y?"}))
    work = ExampleTranslator(spec=tiny.spec("folder", "es"), translator=folder, notify=str)
    assert list(work.examples([pair(1)], CATALOG["mnli"])) == []
    assert work.summary() == {"es": {"translated": 0, "dropped": 1}}


def test_a_paraphrase_is_a_translation_into_another_language_and_back(tmp_path: Path) -> None:
    folder = tmp_path / "both"
    folder.mkdir()
    lines = (("Who did it?", "de", "Wer war es?"), ("Wer war es?", "en", "Who was it?"), ("Why?", "de", "Warum?"))
    text = "".join(json.dumps({"text": a, "language": code, "translation": b}) + "\n" for a, code, b in lines)
    (folder / "all.jsonl").write_text(text)
    trip = RoundTrip(language="en", pivot="de", there=Recorded(folder), back=Recorded(folder))
    assert trip.paraphrases(["Who did it?", "Who did it?"]) == {"Who did it?": "Who was it?"}
    with pytest.raises(UserError, match=r"no translation into 'en' of 'Warum\?'"):
        trip.paraphrases(["Why?"])
