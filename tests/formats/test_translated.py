"""Labels are carried over into another language: what is translated of an example, and where its answer is found."""

from dataclasses import replace

import pytest

from sweeper.formats.interface import Example
from sweeper.formats.span import NOWHERE
from sweeper.formats.table import FORMATS
from sweeper.formats.translated import TRANSLATED, Said, find
from sweeper.tasks.spec import TRANSLATABLE

PAIR = Example(id="1", group="g", fields={"text": "A man eats.", "pair": "He sleeps.", "label": "contradiction"})
CHOICE = Example(id="2", group="g", fields={"prompt": "He runs", "choices": ["home.", "up."], "label": 1})
CONTEXT = "Hastings lies in England. The battle was in 1066 at Hastings."
SPAN = Example(
    id="3",
    group="g",
    fields={
        "context": CONTEXT,
        "question": "Where was it?",
        "answers": ["Hastings", "at Hastings"],
        "start": CONTEXT.rindex("Hastings"),
        "may_decline": False,
    },
)
GERMAN = "Hastings liegt in England. Die Schlacht war 1066 bei Hastings."


def said(text: str, *ends: tuple[int, int]) -> Said:
    return Said(text=text, ends=ends or ((10, len(text)),))


def test_the_space_language_and_the_code_agree_on_what_can_be_translated() -> None:
    assert tuple(TRANSLATED) == TRANSLATABLE
    assert set(TRANSLATABLE) < set(FORMATS)


def test_a_pair_keeps_its_label_and_a_single_text_stays_single() -> None:
    kind = TRANSLATED["classify"]
    assert kind.texts(PAIR) == ["A man eats.", "He sleeps."]
    found = kind.translated(PAIR, [said("Ein Mann isst."), said("Er schläft.")], "de")
    assert found == replace(PAIR, fields={"text": "Ein Mann isst.", "pair": "Er schläft.", "label": "contradiction"})
    single = replace(PAIR, fields={**PAIR.fields, "pair": None})
    assert kind.texts(single) == ["A man eats."]
    assert kind.translated(single, [said("Ein Mann isst.")], "de").fields["pair"] is None


def test_options_keep_their_order_and_the_right_one_its_number() -> None:
    kind = TRANSLATED["choose"]
    assert kind.texts(CHOICE) == ["He runs", "home.", "up."]
    found = kind.translated(CHOICE, [said("Er rennt"), said("heim."), said("hoch.")], "de")
    assert found.fields == {"prompt": "Er rennt", "choices": ["heim.", "hoch."], "label": 1}


def test_of_two_places_the_answer_is_taken_from_its_own_sentence() -> None:
    kind = TRANSLATED["span"]
    assert kind.texts(SPAN) == [CONTEXT, "Where was it?", "Hastings"]
    context = said(GERMAN, (26, 27), (len(CONTEXT), len(GERMAN)))
    found = kind.translated(SPAN, [context, said("Wo war sie?"), said("Hastings")], "de")
    assert found.fields["start"] == GERMAN.rindex("Hastings")
    assert found.fields["answers"] == ["Hastings"]
    first = replace(SPAN, fields={**SPAN.fields, "start": 0})
    assert kind.translated(first, [context, said("Wo?"), said("Hastings")], "de").fields["start"] == 0


def test_an_answer_that_is_not_found_again_or_never_was_there_loses_its_example() -> None:
    kind = TRANSLATED["span"]
    texts = [said(GERMAN), said("Wo war sie?")]
    assert kind.translated(SPAN, [*texts, said("Senlac")], "de") is None
    astray = replace(SPAN, fields={**SPAN.fields, "start": NOWHERE})
    assert kind.translated(astray, [*texts, said("Hastings")], "de") is None


def test_an_unanswerable_question_is_translated_and_stays_unanswerable() -> None:
    kind = TRANSLATED["span"]
    none = replace(SPAN, fields={**SPAN.fields, "answers": [], "start": None, "may_decline": True})
    assert kind.texts(none) == [CONTEXT, "Where was it?"]
    found = kind.translated(none, [said(GERMAN), said("Wo war sie?")], "de")
    assert (found.fields["context"], found.fields["answers"], found.fields["start"]) == (GERMAN, [], None)


@pytest.mark.parametrize(
    ("context", "answer", "language", "found"),
    [
        ("Es war im Jahr 1066.", "1066", "de", "1066"),
        ("Es war im Jahr 1066 n. Chr.", "1066.", "de", "1066"),
        ("Das »Große  Haus« steht.", "große Haus.", "de", "Große  Haus"),
        ("Sie wohnte im Haus.", "Das Haus", "de", "Haus"),
        ("Er kam in Berlin an.", "in", "de", "in"),
        ("Berlin ist groß.", "in", "de", None),
        ("STRASSE und Straße", "strasse", "de", "STRASSE"),
        ("वह दिल्ली में रहता है।", "दिल्ली", "hi", "दिल्ली"),
        ("वह दिल्ली में रहता है।", "दिल्", "hi", None),
        ("他在北京大学学习。", "北京", "zh", "北京"),
        ("Sie schlief.", "...", "de", None),
        ("Sie schlief.", "", "de", None),
        ("", "Haus", "de", None),
    ],
)
def test_an_answer_is_found_as_whole_words_whatever_case_and_punctuation(
    context: str, answer: str, language: str, found: str | None
) -> None:
    place = find(context, answer, language, near=0)
    assert (context[slice(*place)] if place else None) == found
