"""Perturbed examples: ids, labels and answers stay, changes grow with the budget and depend on nothing else."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.data.perturb import noise
from sweeper.data.perturb.distractor import Distractors, with_distractor
from sweeper.data.perturb.draws import Draws
from sweeper.data.perturb.table import NOISE, perturbed
from sweeper.formats.edits import edited_context, edited_words, moved, occurrences, substituted
from sweeper.formats.interface import Example
from sweeper.formats.table import properties_of
from sweeper.records.spec import PerturbationSpec
from sweeper.space.condition import NEEDS
from sweeper.tasks.catalog import CATALOG

TEXT = "Der Käfer läuft über die Straße und fällt in den Graben, weil niemand ihn gewarnt hat."
SCRIPTS = {
    "Latin": TEXT,
    "Cyrillic": "Мой дядя самых честных правил, когда не в шутку занемог",
    "Greek": "Μῆνιν ἄειδε θεὰ Πηληϊάδεω Ἀχιλῆος",
    "Arabic": "وُلِدَ جَمِيعُ النَّاسِ أَحْرَارًا مُتَسَاوِينَ",
    "Hindi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में",
    "Chinese": "人人生而自由在尊严和权利上一律平等他们赋有理性和良心并应以兄弟关系的精神相对待",
}
DRAWS = Draws(name="test")


def question(context=TEXT, answers=("in den Graben",), id_="q1", group="g1", text="Wohin fällt der Käfer?"):
    start = context.find(answers[0]) if answers else None
    fields = {"context": context, "question": text, "answers": list(answers), "start": start, "may_decline": False}
    return Example(id=id_, group=group, fields=fields)


def changed_words(text, budget, kind=noise.keyboard, draws=DRAWS):
    new = substituted(text, kind(draws, budget)("text", text, ()))
    return sum(a != b for a, b in zip(text.split(), new.split(), strict=True))


@pytest.mark.parametrize("script", SCRIPTS)
def test_keyboard_noise_changes_every_script_and_keeps_the_number_of_letters(script):
    text = SCRIPTS[script]
    new = substituted(text, noise.keyboard(DRAWS, 1.0)("text", text, ()))
    assert new != text
    assert len(new) == len(text)
    assert [len(word) for word in new.split()] == [len(word) for word in text.split()]


def test_a_larger_budget_includes_the_changes_of_a_smaller_one():
    small, large = (set(noise.keyboard(DRAWS, budget)("text", TEXT, ())) for budget in (0.2, 0.6))
    assert small < large
    assert changed_words(TEXT, 1.0) > changed_words(TEXT, 0.3) > 0


def test_missing_diacritics_leave_other_letters_as_they_are():
    new = substituted(TEXT, noise.diacritics(DRAWS, 1.0)("text", TEXT, ()))
    assert new == TEXT.replace("ä", "a").replace("ü", "u")
    bare = substituted(SCRIPTS["Arabic"], noise.diacritics(DRAWS, 1.0)("text", SCRIPTS["Arabic"], ()))
    assert not any(unicodedata.category(letter) == "Mn" for letter in bare)


def test_spacing_noise_changes_spaces_only():
    new = substituted(TEXT, noise.spacing(DRAWS, 1.0)("text", TEXT, ()))
    assert new != TEXT
    assert new.replace(" ", "") == TEXT.replace(" ", "")


contexts = st.text(alphabet=st.sampled_from("ab äé.,\n中文"), min_size=1, max_size=60)


@given(context=contexts, place=st.integers(0, 59), size=st.integers(1, 12), name=st.sampled_from(sorted(NOISE)))
def test_a_perturbed_context_contains_its_answers_where_the_start_says(context, place, size, name):
    answer = context[place % len(context) :][:size]
    example = question(context, (answer, context[:2]))
    new = edited_context(example, NOISE[name](DRAWS, 0.8))
    start = new.fields["start"]
    assert new.fields["context"][start : start + len(answer)] == answer
    assert context[:2] in new.fields["context"]
    assert new.fields["answers"] == example.fields["answers"]
    assert (new.id, new.group) == (example.id, example.group)


@given(words=st.lists(st.text(min_size=1, max_size=12).filter(lambda w: w.split() == [w]), min_size=1, max_size=8))
def test_tagged_words_keep_their_number_and_stay_single_words(words):
    example = Example(id="1", group="1", fields={"tokens": words, "tags": ["X"] * len(words)})
    for make in NOISE.values():
        new = edited_words(example, make(DRAWS, 1.0)).fields
        assert len(new["tokens"]) == len(words)
        assert all(word.split() == [word] for word in new["tokens"])
        assert new["tags"] == example.fields["tags"]


@given(text=st.text(max_size=40), cuts=st.lists(st.integers(0, 40), max_size=6), new=st.text(max_size=3))
def test_a_position_outside_the_substitutions_moves_with_its_character(text, cuts, new):
    bounds = sorted({min(cut, len(text)) for cut in cuts})
    pairs = list(zip(bounds[::2], bounds[1::2], strict=False))
    changes = [(start, end, new) for start, end in pairs]
    outside = [place for place in range(len(text)) if not any(start <= place < end for start, end in pairs)]
    after = substituted(text, changes)
    assert [after[moved(place, changes)] for place in outside] == [text[place] for place in outside]


def test_equal_words_of_a_sentence_change_independently():
    example = Example(id="1", group="1", fields={"tokens": ["letter"] * 12, "tags": ["X"] * 12})
    words = edited_words(example, noise.keyboard(DRAWS, 0.5)).fields["tokens"]
    assert len(set(words)) > 1
    assert 0 < words.count("letter") < 12


def test_all_places_of_answers_are_protected():
    assert occurrences("abcabcab", ["abc", "cab"]) == [(0, 8)]
    assert occurrences("ab xx ab", ["ab", ""]) == [(0, 2), (6, 8)]


def test_null_input_leaves_the_context_and_empties_the_question():
    new = edited_context(question(), noise.null_input(DRAWS, 1.0)).fields
    assert (new["context"], new["question"]) == (TEXT, "")


OTHER = "Die Katze fällt vom Dach. Der Käfer fällt in ein Loch. Es regnet."


def test_a_distractor_is_the_sentence_of_another_context_with_most_words_of_the_question():
    example = question()
    distractors = Distractors([example, question(OTHER, ("Loch",), "q2", "g2")])
    assert distractors.best(example, DRAWS) == "Der Käfer fällt in ein Loch."


def test_a_question_without_an_answer_has_no_distractor():
    example = question(answers=())
    assert Distractors([example, question(OTHER, ("Loch",), "q2", "g2")]).best(example, DRAWS) == ""


def test_sentences_without_a_word_of_the_question_are_chosen_by_a_hash():
    example = question(text="???")
    distractors = Distractors([example, question(OTHER, ("Loch",), "q2", "g2")])
    chosen = {distractors.best(example, Draws(name=f"{number}")) for number in range(20)}
    assert chosen == {"Die Katze fällt vom Dach.", "Der Käfer fällt in ein Loch.", "Es regnet."}


def test_a_distractor_contains_no_accepted_answer():
    example = question(answers=("in den Graben", "in ein Loch"))
    distractors = Distractors([example, question(OTHER, ("Loch",), "q2", "g2")])
    assert distractors.best(example, DRAWS) == "Die Katze fällt vom Dach."


@pytest.mark.parametrize("name", [f"side {number}" for number in range(8)])
def test_the_start_of_the_answer_moves_with_a_sentence_before_the_context(name):
    new = with_distractor(question(), "Noch ein Satz.", Draws(name=name)).fields
    assert "Noch ein Satz." in new["context"]
    assert new["context"][new["start"] :].startswith("in den Graben")


def test_a_context_without_another_one_stays_as_it_is():
    example = question()
    spec = PerturbationSpec(name="distractor", budget=1.0)
    assert list(perturbed([example], spec, CATALOG["xquad"], lambda: [example])) == [example]


def test_an_example_does_not_depend_on_other_examples_and_changes_with_the_seed():
    spec = PerturbationSpec(name="keyboard", budget=0.5)
    first, second = question(id_="q1"), question(id_="q2")
    together = list(perturbed([first, second], spec, CATALOG["xquad"], list))
    assert together[1] == next(iter(perturbed([second], spec, CATALOG["xquad"], list)))
    assert together[0].fields["context"] != together[1].fields["context"]
    again = list(perturbed([first], PerturbationSpec(name="keyboard", budget=0.5, seed=1), CATALOG["xquad"], list))
    assert again[0] != together[0]


def test_every_perturbation_is_defined_for_a_format_and_known_by_its_name():
    assert set(NEEDS) == {*NOISE, "distractor"}
    allowed = {need for task in CATALOG.values() for need in properties_of(task).edits}
    assert allowed == set(NEEDS.values())
    assert all(bool(properties_of(task).edits) == (properties_of(task).edited is not None) for task in CATALOG.values())
