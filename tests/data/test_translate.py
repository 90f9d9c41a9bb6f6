"""Translations: how texts are cut, what is kept for good, who is asked, and which examples it happens to."""

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
from sweeper.errors import UserError
from sweeper.formats.interface import Example
from sweeper.tasks.catalog import CATALOG
from tests import translators_tiny as tiny


@dataclass
class Shouting:
    """An engine that says everything louder, and remembers what it was asked."""

    asked: list[list[str]] = field(default_factory=list)
    dies_at: int = 10**9

    def batches(self, texts: Sequence[str]) -> list[list[str]]:
        return [list(texts[start : start + 2]) for start in range(0, len(texts), 2)]

    def translate(self, batch: Sequence[str], language: str) -> list[str]:
        if len(self.asked) == self.dies_at:
            raise KeyboardInterrupt
        self.asked.append(list(batch))
        return [f"{language}:{text.upper()}" for text in batch]


def kept(folder: Path, engine: Shouting | None = None) -> CachedTranslator:
    return CachedTranslator(engine or Shouting(), {code: folder / f"{code}.jsonl" for code in ("de", "sw")})


@pytest.mark.parametrize(
    ("text", "wanted"),
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
def test_a_text_is_cut_where_a_sentence_ends(text: str, wanted: list[str]) -> None:
    assert [piece.text for piece in pieces_of(text)] == wanted


@pytest.mark.parametrize(
    "text", ["It rained.  We left.\n\nWhy? ", " \n A.\r\nB.", " ", "'a' 。b", "a" * 1000, "word " * 300, "One. " * 200]
)
def test_sentences_joined_again_are_the_text_and_none_is_too_long(text: str) -> None:
    found = pieces_of(text)
    assert "".join(piece.text + piece.gap for piece in found) == text
    assert max(len(piece.text) for piece in found) <= LONGEST


def test_what_has_been_translated_once_is_not_translated_again(tmp_path: Path) -> None:
    first, second = Shouting(), Shouting()
    assert kept(tmp_path, first).translate(["a", "b", "a"], "de") == {"a": "de:A", "b": "de:B"}
    assert kept(tmp_path, second).translate(["b", "c"], "de") == {"b": "de:B", "c": "de:C"}
    assert (first.asked, second.asked) == ([["a", "b"]], [["c"]])
    assert kept(tmp_path).translate(["a"], "sw") == {"a": "sw:A"}


def test_a_translator_that_is_killed_loses_its_last_batch_alone(tmp_path: Path) -> None:
    texts = list("abcdef")
    with pytest.raises(KeyboardInterrupt):
        kept(tmp_path, Shouting(dies_at=2)).translate(texts, "de")
    after = Shouting()
    kept(tmp_path, after).translate(texts, "de")
    assert len(after.asked) == 1


def test_a_line_that_was_cut_short_is_passed_over_and_what_follows_stays_whole(tmp_path: Path) -> None:
    path = tmp_path / "de.jsonl"
    kept(tmp_path).translate(["a"], "de")
    with path.open("a") as file:
        file.write('{"text": "b", "lang')
    assert kept(tmp_path).translate(["b"], "de") == {"b": "de:B"}
    assert kept(tmp_path).translate(["a", "b"], "de") == {"a": "de:A", "b": "de:B"}


def test_the_first_line_about_a_text_counts_whoever_wrote_it(tmp_path: Path) -> None:
    one, other = (TranslationFile(tmp_path / "de.jsonl", "de") for _ in range(2))
    one.add({"a": "first"})
    other.add({"a": "second", "b": "new"})
    one.read()
    assert one.known == other.known == {"a": "first", "b": "new"}
    assert len((tmp_path / "de.jsonl").read_text().splitlines()) == 2


def _translate(folder: Path, texts: list[str]) -> None:
    kept(folder).translate(texts, "de")


def test_workers_that_translate_the_same_at_the_same_time_leave_each_text_once(tmp_path: Path) -> None:
    texts = [f"text {number}" for number in range(120)]
    workers = [multiprocessing.get_context("spawn").Process(target=_translate, args=(tmp_path, texts)) for _ in "ab"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    lines = [json.loads(line) for line in (tmp_path / "de.jsonl").read_text().splitlines()]
    assert sorted(line["text"] for line in lines) == sorted(texts)
    assert all(line["translation"] == f"de:{line['text'].upper()}" for line in lines)


def test_a_folder_gives_a_text_whole_where_it_stands_whole_and_else_by_sentences(tmp_path: Path) -> None:
    whole = {"It rained. We left.": "Llovió y nos fuimos.", "Why?": "¿Por qué?", "No idea.": "Ni idea."}
    folder = Recorded(tiny.recorded(tmp_path, whole))
    assert [piece.text for piece in folder.pieces("It rained. We left.", "es")] == ["It rained. We left."]
    assert [piece.text for piece in folder.pieces("Why? No idea.", "es")] == ["Why?", "No idea."]
    assert folder.translate(["Why?"], "es") == {"Why?": "¿Por qué?"}


def test_a_sentence_that_a_folder_lacks_is_named_with_the_line_that_is_wanted(tmp_path: Path) -> None:
    folder = Recorded(tiny.recorded(tmp_path, {"Why?": "¿Por qué?"}))
    with pytest.raises(
        UserError, match=r"no translation into 'de' of 'Why\?'.*\"text\": \"Why\?\", \"language\": \"de\""
    ):
        folder.translate(["Why?"], "de")


@pytest.mark.parametrize("line", ["{", '{"text": "a"}', "3", '{"text": "a", "language": "es", "translation": 1}'])
def test_a_line_of_another_layout_is_refused_with_its_number(tmp_path: Path, line: str) -> None:
    (tmp_path / "x.jsonl").write_text(f'{{"text": "a", "language": "es", "translation": "b"}}\n\n{line}\n')
    with pytest.raises(UserError, match=r"x\.jsonl, line 3: "):
        Recorded(tmp_path).pieces("a", "es")


def test_a_folder_is_known_by_its_bytes_and_one_without_files_is_refused(tmp_path: Path) -> None:
    first = Recorded(tiny.recorded(tmp_path / "a", {"Why?": "¿Por qué?"})).identity
    assert Recorded(tiny.recorded(tmp_path / "b", {"Why?": "¿Por qué?"})).identity == first
    assert Recorded(tiny.recorded(tmp_path / "c", {"Why?": "¿Y?"})).identity != first
    with pytest.raises(UserError, match=r"'folder:.*/none' is a folder with files \*\.jsonl, of lines such as"):
        _ = Recorded(tmp_path / "none").identity


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stand-in, with the pairs that Debian has: straight into Spanish and Galician, French by way of Catalan."""
    place = tiny.apertium(tmp_path / "usr", "eng-spa", "en-gl", "eng-cat", "cat-fra", "spa-eng")
    monkeypatch.setenv("PATH", f"{place}:{os.environ['PATH']}")
    return place


def test_apertium_goes_straight_or_by_way_of_a_third_language(program: Path) -> None:
    assert [apertium.route(code) for code in ("es", "gl", "fr")] == [("eng-spa",), ("en-gl",), ("eng-cat", "cat-fra")]
    assert Apertium().translate(["Hello.", "It is 5 o'clock."], "es") == ["spaHello.", "spaIt spais 5 spao'spaclock."]
    assert Apertium().translate(["Hello."], "fr") == ["fracatHello."]


def test_apertium_is_called_once_a_batch(program: Path) -> None:
    engine = Apertium()
    batches = engine.batches([f"text {number}" for number in range(501)])
    assert list(map(len, batches)) == [500, 1]
    assert len(engine.translate(batches[0], "es")) == 500
    assert len((program / "calls").read_text().splitlines()) == 1


def test_apertium_is_known_by_the_dictionaries_behind_its_modes(program: Path) -> None:
    before = apertium.identity("fr")
    assert apertium.identity("es") != before
    (program.parent / "share" / "apertium" / "cat-fra.bin").write_text("another dictionary")
    assert apertium.identity("fr") != before


def test_a_pair_or_program_that_is_not_installed_is_named_with_what_to_install(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        UserError, match=r"English into 'it': .*apt-get install apertium-eng-spa apertium-es-it.*eng-cat"
    ):
        apertium.route("it")
    with pytest.raises(UserError, match="English into 'sw': it can do es, ca, gl, eo, pt, it, fr"):
        apertium.route("sw")
    monkeypatch.setenv("PATH", str(program / "nowhere"))
    with pytest.raises(UserError, match="needs the program of that name, on every machine that trains: install it"):
        apertium.identity("es")


@pytest.mark.skipif(shutil.which("apertium") is None, reason="the program apertium is not installed")
def test_the_real_apertium_translates_into_every_language_it_has_a_way_to() -> None:
    reached = []
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
        reached.append(code)
    if not reached:
        pytest.skip("apertium is installed without a pair out of English")


def pair(number: int) -> Example:
    return Example(
        id=str(number), group="g", fields={"text": f"Text {number}. More.", "pair": "So?", "label": "neutral"}
    )


def translating(folder: Path, *languages: str, share: float = 1.0, engine: Shouting | None = None) -> ExampleTranslator:
    return ExampleTranslator(spec=tiny.spec("x", *languages, share=share), translator=kept(folder, engine), notify=str)


def test_an_examples_id_decides_whether_and_into_what_it_is_translated_in_equal_turns() -> None:
    spec = tiny.spec("x", "de", "ru", "sw", share=0.6)
    chosen = [language_of(str(number), spec) for number in range(3000)]
    assert chosen == [language_of(str(number), spec) for number in range(3000)]
    assert chosen.count(None) == pytest.approx(1200, rel=0.1)
    assert [chosen.count(code) for code in spec.languages] == pytest.approx([600] * 3, rel=0.12)
    more = [language_of(str(number), replace(spec, share=0.9)) for number in range(3000)]
    assert all(after == before for before, after in zip(chosen, more, strict=True) if before)


def test_the_examples_keep_their_order_and_those_that_are_not_chosen_stay_english(tmp_path: Path) -> None:
    work = translating(tmp_path, "de", "sw", share=0.5)
    found = list(work.examples(map(pair, range(40)), CATALOG["mnli"]))
    assert [example.id for example in found] == [str(number) for number in range(40)]
    for example in found:
        language = language_of(example.id, work.spec)
        plain = pair(int(example.id))
        text = f"{language}:TEXT {example.id}. {language}:MORE."
        assert example == (
            replace(plain, fields={**plain.fields, "text": text, "pair": f"{language}:SO?"}) if language else plain
        )
    counts = work.summary()
    assert sum(found["translated"] for found in counts.values()) == sum(
        bool(language_of(e.id, work.spec)) for e in found
    )


def test_what_has_no_letter_is_not_given_to_a_translator(tmp_path: Path) -> None:
    engine = Shouting()
    example = replace(pair(1), fields={"text": "1066. 42!", "pair": "So?", "label": "neutral"})
    (found,) = translating(tmp_path, "de", engine=engine).examples([example], CATALOG["mnli"])
    assert found.fields["text"] == "1066. 42!"
    assert engine.asked == [["So?"]]


def test_lost_answers_are_dropped_and_counted_and_told(tmp_path: Path) -> None:
    def question(number: int, answer: str) -> Example:
        context = "The town lies here. It rains in Verden."
        fields = {"context": context, "question": "Where?", "answers": [answer], "may_decline": False}
        return Example(id=str(number), group="g", fields={**fields, "start": context.find(answer)})

    said = {"The town lies here.": "La ciudad.", "It rains in Verden.": "Llueve en Verden.", "Where?": "¿Dónde?"}
    folder = Recorded(tiny.recorded(tmp_path, {**said, "Verden": "verden", "town": "villa"}))
    told: list[str] = []
    work = ExampleTranslator(spec=tiny.spec("folder", "es"), translator=folder, notify=told.append)
    found = list(work.examples([question(1, "Verden"), question(2, "town")], CATALOG["squad"]))
    assert [example.id for example in found] == ["1"]
    assert found[0].fields["answers"] == ["Verden"]
    assert found[0].fields["context"][found[0].fields["start"] :] == "Verden."
    assert work.summary() == {"es": {"translated": 1, "dropped": 1}}
    work.report("squad")
    assert told == ["squad: examples translated by folder: es 1 (1 dropped)."]


def test_an_example_of_which_nothing_comes_back_is_dropped(tmp_path: Path) -> None:
    folder = Recorded(tiny.recorded(tmp_path, {"Text 1.": "", "More.": "", "So?": "¿Y?"}))
    work = ExampleTranslator(spec=tiny.spec("folder", "es"), translator=folder, notify=str)
    assert list(work.examples([pair(1)], CATALOG["mnli"])) == []
    assert work.summary() == {"es": {"translated": 0, "dropped": 1}}
