"""Perturbed examples: ids, labels and answers stay, changes grow with the budget and depend on nothing else."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.data.perturb import noise
from sweeper.data.perturb.code_mix import WordPairs, code_mix
from sweeper.data.perturb.distractor import Distractors, with_distractor
from sweeper.data.perturb.draws import Draws
from sweeper.data.perturb.entities import Entities, entities
from sweeper.data.perturb.table import NOISE, OTHERS, perturbed
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


@dataclass(frozen=True)
class Given:
    """What a perturbation reads, as values."""

    given: Sequence[Example] = ()
    scored: Sequence[Example] = ()
    words: WordPairs = field(default_factory=dict)

    def examples(self):
        return self.given

    def parallel(self):
        return self.scored, self.given

    def pairs(self):
        return self.words

    def paraphraser(self):
        return self

    def paraphrases(self, texts):
        return {text: f"{text} again" for text in texts}


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


MAKERS = {**NOISE, "code_mix": code_mix({"a": ("é", "zwei Wörter"), "ab": ("中",), "é": ("a",)})}


@given(context=contexts, place=st.integers(0, 59), size=st.integers(1, 12), name=st.sampled_from(sorted(MAKERS)))
def test_a_perturbed_context_contains_its_answers_where_the_start_says(context, place, size, name):
    answer = context[place % len(context) :][:size]
    example = question(context, (answer, context[:2]))
    new = edited_context(example, MAKERS[name](DRAWS, 0.8))
    start = new.fields["start"]
    assert new.fields["context"][start : start + len(answer)] == answer
    assert context[:2] in new.fields["context"]
    assert new.fields["answers"] == example.fields["answers"]
    assert (new.id, new.group) == (example.id, example.group)


@given(words=st.lists(st.text(min_size=1, max_size=12).filter(lambda w: w.split() == [w]), min_size=1, max_size=8))
def test_tagged_words_keep_their_number_and_stay_single_words(words):
    example = Example(id="1", group="1", fields={"tokens": words, "tags": ["X"] * len(words)})
    mixed = code_mix({word.lower(): ("x", "two words") for word in words})
    for make in (*NOISE.values(), mixed):
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


def test_a_distractor_in_another_language_is_no_translation_of_the_context():
    spec = PerturbationSpec(name="distractor", budget=1.0, source="en", leaves_out_translations=True)
    # The translated answer "the ditch" differs from the accepted one, and the paragraph has another group.
    english = [
        question("Der Käfer crawls. He falls into the ditch.", ("the ditch",), "q2", "en 1"),
        question("A Käfer sleeps. It rains in Rome.", ("Rome",), "q3", "en 2"),
    ]
    german = [question(), question(id_="q2", text="Wer fällt?")]
    for example, changed in zip(german, perturbed(german, spec, CATALOG["xquad"], Given(english, german)), strict=True):
        added = changed.fields["context"].replace(example.fields["context"], "").strip()
        assert added in ("A Käfer sleeps.", "It rains in Rome.")


@pytest.mark.parametrize("name", [f"side {number}" for number in range(8)])
def test_the_start_of_the_answer_moves_with_a_sentence_before_the_context(name):
    new = with_distractor(question(), "Noch ein Satz.", Draws(name=name)).fields
    assert "Noch ein Satz." in new["context"]
    assert new["context"][new["start"] :].startswith("in den Graben")


def test_a_distractor_with_a_side_is_always_on_that_side():
    spec = PerturbationSpec(name="distractor", budget=1.0, side="before")
    examples = [question(), question(OTHER, ("Loch",), "q2", "g2")]
    before = list(perturbed(examples, spec, CATALOG["xquad"], Given(examples)))
    after = list(perturbed(examples, replace(spec, side="after"), CATALOG["xquad"], Given(examples)))
    either = list(perturbed(examples, replace(spec, side="either"), CATALOG["xquad"], Given(examples)))
    for example, first, last in zip(examples, before, after, strict=True):
        assert first.fields["context"].endswith(" " + example.fields["context"])
        assert last.fields["context"].startswith(example.fields["context"] + " ")
    assert all(example in sides for example, *sides in zip(either, before, after, strict=True))


def test_a_context_without_another_one_stays_as_it_is():
    example = question()
    spec = PerturbationSpec(name="distractor", budget=1.0)
    assert list(perturbed([example], spec, CATALOG["xquad"], Given([example]))) == [example]


def test_an_example_does_not_depend_on_other_examples_and_changes_with_the_seed():
    spec = PerturbationSpec(name="keyboard", budget=0.5)
    first, second = question(id_="q1"), question(id_="q2")
    together = list(perturbed([first, second], spec, CATALOG["xquad"], Given()))
    assert together[1] == next(iter(perturbed([second], spec, CATALOG["xquad"], Given())))
    assert together[0].fields["context"] != together[1].fields["context"]
    reseeded = PerturbationSpec(name="keyboard", budget=0.5, seed=1)
    again = list(perturbed([first], reseeded, CATALOG["xquad"], Given()))
    assert again[0] != together[0]


def test_every_perturbation_is_defined_for_a_format_and_known_by_its_name():
    assert set(NEEDS) == {*NOISE, *OTHERS, "code_mix", "paraphrase"}
    allowed = {need for task in CATALOG.values() for need in properties_of(task).edits}
    assert allowed == set(NEEDS.values())
    assert all(bool(properties_of(task).edits) == (properties_of(task).edited is not None) for task in CATALOG.values())


def tagged(id_, text, tags):
    return Example(id=id_, group=id_, fields={"tokens": text.split(), "tags": tags.split()})


BERLIN = tagged("1", "Anna lives in New York", "B-PER O O B-LOC I-LOC")
PARIS = tagged("2", "El Paso saw Bob", "B-LOC I-LOC O B-PER")
ROME = tagged("3", "Rome saw Carla", "B-LOC O B-PER")


def test_an_entity_is_swapped_for_another_one_of_its_type_and_number_of_words():
    swapped = Entities([BERLIN, PARIS, ROME]).swapped(BERLIN, DRAWS, 1.0)
    assert " ".join(swapped.fields["tokens"]) in ("Bob lives in El Paso", "Carla lives in El Paso")
    assert swapped.fields["tags"] == BERLIN.fields["tags"]


def test_an_entity_without_another_one_of_its_type_and_size_stays():
    assert Entities([ROME]).swapped(ROME, DRAWS, 1.0) == ROME


def test_an_entity_begins_at_b_or_at_an_i_that_continues_none():
    spans = entities(["I-PER", "I-PER", "B-PER", "O", "I-LOC", "I-ORG"])
    assert spans == [(0, 2, "PER"), (2, 3, "PER"), (4, 5, "LOC"), (5, 6, "ORG")]


TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
sentences_of_tags = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(TAGS)), min_size=1, max_size=6)


@given(rows=st.lists(sentences_of_tags, min_size=1, max_size=4), budget=st.sampled_from((0.3, 1.0)))
def test_a_swap_keeps_ids_tags_and_words_outside_entities_and_inserts_entities_of_the_data_set(rows, budget):
    examples = [
        Example(id=str(n), group="", fields={"tokens": [word for word, _ in row], "tags": [tag for _, tag in row]})
        for n, row in enumerate(rows)
    ]
    texts = {
        (name, *example.fields["tokens"][start:end])
        for example in examples
        for start, end, name in entities(example.fields["tags"])
    }
    spec = PerturbationSpec(name="entity_swap", budget=budget)
    for old, new in zip(examples, perturbed(examples, spec, CATALOG["ner"], Given(examples)), strict=True):
        assert (new.id, new.group, new.fields["tags"]) == (old.id, old.group, old.fields["tags"])
        for number, tag in enumerate(old.fields["tags"]):
            assert tag != "O" or new.fields["tokens"][number] == old.fields["tokens"][number]
        for start, end, name in entities(new.fields["tags"]):
            assert (name, *new.fields["tokens"][start:end]) in texts


def test_a_share_of_the_questions_is_paraphrased_and_everything_else_stays():
    questions = [question(id_=f"q{number}", text=f"Wohin {number}?") for number in range(60)]
    new = {}
    for budget in (0.3, 0.6, 1.0):
        spec = PerturbationSpec(name="paraphrase", budget=budget)
        examples = list(perturbed(questions, spec, CATALOG["xquad"], Given()))
        for old, example in zip(questions, examples, strict=True):
            assert replace(example, fields={**example.fields, "question": old.fields["question"]}) == old
        new[budget] = {example.id for example in examples if example.fields["question"].endswith("again")}
    assert new[0.3] < new[0.6] < new[1.0]
    assert 8 < len(new[0.3]) < 28
    assert len(new[1.0]) == 60
