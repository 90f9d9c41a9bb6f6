"""The languages of the world, their sentences, and the random draws behind everything."""

import hashlib
import unicodedata
from itertools import pairwise, product
from random import Random

import pytest

from sweeper.world.concepts import CONCEPTS, FUNCTION, SHARED
from sweeper.world.draws import Draws
from sweeper.world.events import Event, draw_event, sentence, words_of
from sweeper.world.languages import CODES, TRAITS, distance, make_languages
from sweeper.world.tasks import TARGETS
from tests.world.facts import LANGUAGES, lexicon

CONTENT = tuple(role for role in CONCEPTS if role not in SHARED)
EXAMPLE = Event(
    agent="Mara", verb="sold", number="3", adjective="red", noun="lamps", place="Vell", time="today", denied=True
)


def stream(text: str) -> Random:
    return Random(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))


def test_a_sequence_of_draws_depends_on_the_names_alone() -> None:
    def sequence(*names: object) -> list[int]:
        draws = Draws(*names)
        return [draws.below(1000) for _ in range(8)]

    assert sequence(0, "lexicon", "xa") == sequence(0, "lexicon", "xa")
    assert sequence(0, "lexicon", "xa") != sequence(0, "lexicon", "xb")


def test_draws_have_their_recorded_values() -> None:
    draws = Draws(0, "golden")
    assert [draws.below(1000) for _ in range(8)] == [503, 569, 422, 95, 630, 491, 570, 414]
    assert draws.sample("abcdefghij", 5) == list("bgaic")
    assert [draws.chance(0.5) for _ in range(8)] == [False, False, True, True, True, True, False, True]


def test_integers_and_choices_are_scaled_values_of_random() -> None:
    random, draws = stream("a/1").random, Draws("a", 1)
    assert [draws.below(7) for _ in range(20)] == [int(random() * 7) for _ in range(20)]
    assert [draws.choice("wxyz") for _ in range(20)] == ["wxyz"[int(random() * 4)] for _ in range(20)]
    assert [draws.chance(0.3) for _ in range(20)] == [random() < 0.3 for _ in range(20)]


def test_a_sample_has_the_items_with_the_lowest_random_numbers() -> None:
    random, items = stream("b").random, "abcdefgh"
    ranked = sorted((random(), item) for item in items)
    assert Draws("b").sample(items, 3) == [item for _, item in ranked[:3]]
    assert Draws("b").shuffled(items) == [item for _, item in ranked]


def test_a_chance_is_true_in_its_share_of_the_draws() -> None:
    draws = Draws("share")
    assert sum(draws.chance(0.2) for _ in range(10_000)) / 10_000 == pytest.approx(0.2, abs=0.01)


def test_the_world_and_its_tasks_have_the_same_nine_languages_english_first() -> None:
    assert CODES == tuple(LANGUAGES) == tuple(TARGETS[0].test)
    assert (len(CODES), CODES[0]) == (9, "en")


def test_english_words_are_the_names_of_the_concepts() -> None:
    assert all(concept == word for concept, word in LANGUAGES["en"].words.items())


@pytest.mark.parametrize("code", CODES)
def test_the_share_of_cognates_equals_that_of_the_traits(code: str) -> None:
    for role in CONTENT:
        cognates = [concept for concept in CONCEPTS[role] if LANGUAGES[code].words[concept] == concept]
        assert len(cognates) == round(TRAITS[code].cognates * len(CONCEPTS[role])), role


@pytest.mark.parametrize("code", CODES[1:])
def test_names_and_digits_are_shared_and_function_words_are_not(code: str) -> None:
    words = LANGUAGES[code].words
    assert all(words[concept] == concept for role in SHARED for concept in CONCEPTS[role])
    assert all(words[concept] != concept for concept in FUNCTION)


@pytest.mark.parametrize("code", CODES)
def test_all_letters_of_a_language_belong_to_its_script(code: str) -> None:
    language = LANGUAGES[code]
    words = [language.words[concept] for role in CONTENT for concept in CONCEPTS[role]]
    letters = {
        letter
        for word in (*words, *(language.words[concept] for concept in FUNCTION), language.marker)
        for letter in word
    }
    assert {unicodedata.name(letter).split()[0] for letter in letters} == {TRAITS[code].script.upper()}


def test_three_languages_do_not_use_the_latin_script_and_their_scripts_differ() -> None:
    scripts = [traits.script for traits in TRAITS.values() if traits.script != "Latin"]
    assert len(scripts) == len(set(scripts)) == 3


@pytest.mark.parametrize("code", CODES)
def test_no_word_of_a_language_is_ambiguous(code: str) -> None:
    language = LANGUAGES[code]
    suffixed = len(CONCEPTS["noun"]) if TRAITS[code].case == "suffix" else 0
    assert len(lexicon(language)) == len(language.words) + suffixed
    assert language.words.keys() == LANGUAGES["en"].words.keys()


def test_no_word_of_any_language_is_a_prefix_of_another_word() -> None:
    words = {word for language in LANGUAGES.values() for word in language.words.values()}
    words |= {language.marker for language in LANGUAGES.values() if language.traits.case == "particle"}
    assert not [(word, longer) for word, longer in pairwise(sorted(words)) if longer.startswith(word)]


def test_another_language_seed_changes_the_words_and_not_the_traits() -> None:
    reseeded = make_languages(1)
    assert reseeded["en"] == LANGUAGES["en"]
    for code in CODES[1:]:
        assert reseeded[code].traits == LANGUAGES[code].traits
        generated = {word for word in LANGUAGES[code].words.values() if word not in LANGUAGES["en"].words}
        assert len(generated & set(reseeded[code].words.values())) < 0.1 * len(generated)
    assert make_languages(1) == reseeded


def test_distance_is_symmetric_and_zero_only_between_a_language_and_itself() -> None:
    for a, b in product(CODES, repeat=2):
        assert distance(a, b) == distance(b, a)
        assert 0 <= distance(a, b) <= 1
        assert (distance(a, b) == 0) == (a == b)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("en", "xc", (0.5 + 1 + 0 + 1 + 0) / 5),
        ("xb", "xg", (0.7 + 1 + 0 + 1 + 1) / 5),
        ("en", "xh", 1.0),
    ],
)
def test_distance_is_the_mean_of_five_differences(first: str, second: str, expected: float) -> None:
    assert distance(first, second) == pytest.approx(expected)


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
def test_a_sentence_has_the_word_order_of_its_language(code: str, roles: str) -> None:
    words = words_of(EXAMPLE, LANGUAGES[code])
    assert [word.role for word in words] == roles.split()
    assert sentence(EXAMPLE, LANGUAGES[code]) == " ".join(word.text for word in words) + "."


@pytest.mark.parametrize("code", CODES)
def test_the_object_is_marked_according_to_the_traits(code: str) -> None:
    language = LANGUAGES[code]
    words = {word.role: word.text for word in words_of(EXAMPLE, language)}
    bare = language.words["lamps"]
    ending, particle = words["noun"].removeprefix(bare), words.get("marker", "")
    expected = {"order": ("", ""), "suffix": (language.marker, ""), "particle": ("", language.marker)}
    assert (ending, particle) == expected[TRAITS[code].case]
    assert bool(language.marker) == (TRAITS[code].case != "order")


def test_an_event_has_its_recorded_sentences_in_three_languages() -> None:
    assert sentence(EXAMPLE, LANGUAGES["en"]) == "Mara not sold 3 red lamps in Vell today."
    assert sentence(EXAMPLE, LANGUAGES["xc"]) == "Mara 3 lemeji lampsku maji sold Vell bafoso today."
    assert sentence(EXAMPLE, LANGUAGES["xg"]) == "мези вазе Mara 3 вилиро тога нума вонажа Vell хежи."


def test_a_role_without_a_concept_has_no_word_in_the_sentence() -> None:
    short = EXAMPLE.with_(number="", place="", time="", denied=False)
    assert sentence(short, LANGUAGES["en"]) == "Mara sold red lamps."


def test_events_lack_optional_roles_and_are_denied_at_the_declared_rates() -> None:
    draws = Draws("events")
    events = [draw_event(draws) for _ in range(4000)]
    for role in ("number", "place", "time"):
        assert sum(not getattr(event, role) for event in events) / 4000 == pytest.approx(0.4, abs=0.03)
    assert sum(event.denied for event in events) / 4000 == pytest.approx(0.125, abs=0.02)
    assert all(event.agent and event.verb and event.adjective and event.noun for event in events)


def test_an_event_uses_allowed_concepts_only() -> None:
    draws = Draws("allowed")
    assert {draw_event(draws, {"noun": ("lamps", "figs")}).noun for _ in range(40)} == {"lamps", "figs"}
