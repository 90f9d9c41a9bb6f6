"""The world's languages, and the draws that they and everything else are made from."""

import hashlib
import unicodedata
from itertools import pairwise
from random import Random

import pytest

from sweeper.world.concepts import CONCEPTS, FUNCTION, SHARED
from sweeper.world.draws import Draws
from sweeper.world.events import Event, draw, say, sentence
from sweeper.world.languages import CODES, TRAITS, distance, make_languages
from sweeper.world.tasks import LANGUAGES as DECLARED
from tests.world.facts import LANGUAGES, lexicon

CONTENT = tuple(part for part in CONCEPTS if part not in SHARED)
EXAMPLE = Event(
    agent="Mara", verb="sold", number="3", adjective="red", noun="lamps", place="Vell", time="today", denied=True
)


def stream(text: str) -> Random:
    return Random(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))


def test_the_same_names_draw_the_same_sequence_and_others_another() -> None:
    def sequence(*names: object) -> list[int]:
        draws = Draws(*names)
        return [draws.below(1000) for _ in range(8)]

    assert sequence(0, "lexicon", "xa") == sequence(0, "lexicon", "xa")
    assert sequence(0, "lexicon", "xa") != sequence(0, "lexicon", "xb")


def test_draws_are_those_written_down_when_this_test_was_made() -> None:
    draws = Draws(0, "golden")
    assert [draws.below(1000) for _ in range(8)] == [503, 569, 422, 95, 630, 491, 570, 414]
    assert draws.sample("abcdefghij", 5) == list("bgaic")
    assert [draws.chance(0.5) for _ in range(8)] == [False, False, True, True, True, True, False, True]


def test_whole_numbers_and_choices_are_scaled_values_of_the_one_method_that_python_promises_to_keep() -> None:
    random, draws = stream("a/1").random, Draws("a", 1)
    assert [draws.below(7) for _ in range(20)] == [int(random() * 7) for _ in range(20)]
    assert [draws.choice("wxyz") for _ in range(20)] == ["wxyz"[int(random() * 4)] for _ in range(20)]
    assert [draws.chance(0.3) for _ in range(20)] == [random() < 0.3 for _ in range(20)]


def test_a_sample_is_the_items_with_the_lowest_ranks() -> None:
    random, items = stream("b").random, "abcdefgh"
    ranked = sorted((random(), item) for item in items)
    assert Draws("b").sample(items, 3) == [item for _, item in ranked[:3]]
    assert Draws("b").shuffled(items) == [item for _, item in ranked]


def test_a_chance_comes_true_in_its_share_of_the_draws() -> None:
    draws = Draws("share")
    assert sum(draws.chance(0.2) for _ in range(10_000)) / 10_000 == pytest.approx(0.2, abs=0.01)


def test_there_are_nine_languages_english_first_and_the_tasks_declare_the_same() -> None:
    assert CODES == tuple(LANGUAGES) == DECLARED
    assert (len(CODES), CODES[0]) == (9, "en")


def test_english_words_are_the_names_of_the_concepts() -> None:
    assert all(concept == word for concept, word in LANGUAGES["en"].words.items())


@pytest.mark.parametrize("code", CODES)
def test_the_share_of_cognates_is_what_the_traits_say(code: str) -> None:
    for part in CONTENT:
        cognates = [concept for concept in CONCEPTS[part] if LANGUAGES[code].words[concept] == concept]
        assert len(cognates) == round(TRAITS[code].cognates * len(CONCEPTS[part])), part


@pytest.mark.parametrize("code", CODES[1:])
def test_names_and_digits_are_shared_and_words_of_grammar_are_not(code: str) -> None:
    words = LANGUAGES[code].words
    assert all(words[concept] == concept for part in SHARED for concept in CONCEPTS[part])
    assert all(words[concept] != concept for concept in FUNCTION)


@pytest.mark.parametrize("code", CODES)
def test_all_letters_of_a_languages_words_and_markers_are_of_its_script(code: str) -> None:
    language = LANGUAGES[code]
    words = [language.words[concept] for part in CONTENT for concept in CONCEPTS[part]]
    letters = {
        letter
        for word in (*words, *(language.words[concept] for concept in FUNCTION), language.marker)
        for letter in word
    }
    assert {unicodedata.name(letter).split()[0] for letter in letters} == {TRAITS[code].script.upper()}


def test_at_least_three_languages_have_a_script_of_their_own() -> None:
    scripts = [traits.script for traits in TRAITS.values() if traits.script != "Latin"]
    assert len(scripts) == len(set(scripts)) == 3


@pytest.mark.parametrize("code", CODES)
def test_every_word_of_a_language_means_one_thing(code: str) -> None:
    language = LANGUAGES[code]
    suffixed = len(CONCEPTS["noun"]) if TRAITS[code].case == "suffix" else 0
    assert len(lexicon(language)) == len(language.words) + suffixed
    assert language.words.keys() == LANGUAGES["en"].words.keys()


def test_no_word_of_any_language_begins_with_another() -> None:
    words = {word for language in LANGUAGES.values() for word in language.words.values()}
    words |= {language.marker for language in LANGUAGES.values() if language.traits.case == "particle"}
    assert not [(one, other) for one, other in pairwise(sorted(words)) if other.startswith(one)]


def test_another_language_seed_gives_other_words_and_the_same_traits() -> None:
    others = make_languages(1)
    assert others["en"] == LANGUAGES["en"]
    for code in CODES[1:]:
        assert others[code].traits == LANGUAGES[code].traits
        made_up = {word for word in LANGUAGES[code].words.values() if word not in LANGUAGES["en"].words}
        assert len(made_up & set(others[code].words.values())) < 0.1 * len(made_up)
    assert make_languages(1) == others


def test_a_language_is_no_distance_from_itself_and_as_far_there_as_back() -> None:
    for one in CODES:
        assert distance(one, one) == 0
        for other in CODES:
            assert distance(one, other) == distance(other, one)
            assert 0 <= distance(one, other) <= 1
            assert one == other or distance(one, other) > 0


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("en", "xc", (0.5 + 1 + 0 + 1 + 0) / 5),
        ("xb", "xg", (0.7 + 1 + 0 + 1 + 1) / 5),
        ("en", "xh", 1.0),
    ],
)
def test_distance_is_the_mean_of_lexicon_order_adjective_case_and_script(one: str, other: str, expected: float) -> None:
    assert distance(one, other) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("code", "roles"),
    [
        ("en", "agent not verb number adjective noun in place time"),
        ("xb", "agent not verb number noun adjective in place time"),
        ("xc", "agent number adjective noun not verb place in time"),
        ("xd", "agent not verb number noun adjective marker in place time"),
        ("xe", "not verb agent number noun adjective in place time"),
        ("xg", "not verb agent number noun adjective marker in place time"),
        ("xh", "agent number noun adjective not verb place in time"),
    ],
)
def test_a_sentence_has_the_order_of_its_language(code: str, roles: str) -> None:
    said = say(EXAMPLE, LANGUAGES[code])
    assert [word.role for word in said] == roles.split()
    assert sentence(EXAMPLE, LANGUAGES[code]) == " ".join(word.text for word in said) + "."


@pytest.mark.parametrize("code", CODES)
def test_the_object_is_marked_as_the_traits_say(code: str) -> None:
    language = LANGUAGES[code]
    said = {word.role: word.text for word in say(EXAMPLE, language)}
    bare = language.words["lamps"]
    ending, particle = said["noun"].removeprefix(bare), said.get("marker", "")
    expected = {"order": ("", ""), "suffix": (language.marker, ""), "particle": ("", language.marker)}
    assert (ending, particle) == expected[TRAITS[code].case]
    assert bool(language.marker) == (TRAITS[code].case != "order")


def test_an_example_is_said_in_english_and_two_more_languages() -> None:
    assert sentence(EXAMPLE, LANGUAGES["en"]) == "Mara not sold 3 red lamps in Vell today."
    assert sentence(EXAMPLE, LANGUAGES["xc"]) == "Mara 3 lemeji lampsku maji sold Vell bafoso today."
    assert sentence(EXAMPLE, LANGUAGES["xg"]) == "мези вазе Mara 3 вилиро тога нума вонажа Vell хежи."


def test_what_is_left_out_of_an_event_is_left_out_of_its_sentence() -> None:
    silent = EXAMPLE.with_(number="", place="", time="", denied=False)
    assert sentence(silent, LANGUAGES["en"]) == "Mara sold red lamps."


def test_two_in_five_events_leave_out_number_place_or_time_and_an_eighth_is_denied() -> None:
    draws = Draws("events")
    events = [draw(draws) for _ in range(4000)]
    for part in ("number", "place", "time"):
        assert sum(not getattr(event, part) for event in events) / 4000 == pytest.approx(0.4, abs=0.03)
    assert sum(event.denied for event in events) / 4000 == pytest.approx(0.125, abs=0.02)
    assert all(event.agent and event.verb and event.adjective and event.noun for event in events)


def test_an_event_takes_its_concepts_from_those_allowed() -> None:
    draws = Draws("allowed")
    assert {draw(draws, {"noun": ("lamps", "figs")}).noun for _ in range(40)} == {"lamps", "figs"}
