"""Translated examples keep their labels: the texts that are translated, and the search for the answer of a span."""

from dataclasses import replace

import pytest

from sweeper.formats.answers import find
from sweeper.formats.choose import TranslatedChoices
from sweeper.formats.classify import TranslatedPair
from sweeper.formats.interface import Example, Translated
from sweeper.formats.span import NOWHERE, TranslatedSpan

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


def translation(text: str, *ends: tuple[int, int]) -> Translated:
    return Translated(text=text, ends=ends or ((10, len(text)),))


def test_a_pair_keeps_its_label_and_a_single_text_stays_single() -> None:
    rule = TranslatedPair()
    assert rule.texts(PAIR) == ["A man eats.", "He sleeps."]
    example = rule.translated(PAIR, [translation("Ein Mann isst."), translation("Er schläft.")], "de")
    assert example == replace(PAIR, fields={"text": "Ein Mann isst.", "pair": "Er schläft.", "label": "contradiction"})
    single = replace(PAIR, fields={**PAIR.fields, "pair": None})
    assert rule.texts(single) == ["A man eats."]
    assert rule.translated(single, [translation("Ein Mann isst.")], "de").fields["pair"] is None


def test_options_keep_their_order_and_the_label_its_index() -> None:
    rule = TranslatedChoices()
    assert rule.texts(CHOICE) == ["He runs", "home.", "up."]
    example = rule.translated(CHOICE, [translation("Er rennt"), translation("heim."), translation("hoch.")], "de")
    assert example.fields == {"prompt": "Er rennt", "choices": ["heim.", "hoch."], "label": 1}


def test_the_answer_is_taken_from_the_occurrence_nearest_to_the_original_position() -> None:
    rule = TranslatedSpan()
    assert rule.texts(SPAN) == [CONTEXT, "Where was it?", "Hastings"]
    context = translation(GERMAN, (26, 27), (len(CONTEXT), len(GERMAN)))
    example = rule.translated(SPAN, [context, translation("Wo war sie?"), translation("Hastings")], "de")
    assert example.fields["start"] == GERMAN.rindex("Hastings")
    assert example.fields["answers"] == ["Hastings"]
    first = replace(SPAN, fields={**SPAN.fields, "start": 0})
    assert rule.translated(first, [context, translation("Wo?"), translation("Hastings")], "de").fields["start"] == 0


def test_an_example_is_dropped_if_its_answer_is_not_in_the_translation_or_was_not_in_the_context() -> None:
    rule = TranslatedSpan()
    texts = [translation(GERMAN), translation("Wo war sie?")]
    assert rule.translated(SPAN, [*texts, translation("Senlac")], "de") is None
    lost = replace(SPAN, fields={**SPAN.fields, "start": NOWHERE})
    assert rule.translated(lost, [*texts, translation("Hastings")], "de") is None


def test_an_unanswerable_question_is_translated_and_stays_unanswerable() -> None:
    rule = TranslatedSpan()
    none = replace(SPAN, fields={**SPAN.fields, "answers": [], "start": None, "may_decline": True})
    assert rule.texts(none) == [CONTEXT, "Where was it?"]
    example = rule.translated(none, [translation(GERMAN), translation("Wo war sie?")], "de")
    assert (example.fields["context"], example.fields["answers"], example.fields["start"]) == (GERMAN, [], None)


@pytest.mark.parametrize(
    ("context", "answer", "language", "match"),
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
def test_an_answer_is_matched_as_whole_words_without_regard_to_case_and_punctuation(
    context: str, answer: str, language: str, match: str | None
) -> None:
    span = find(context, answer, language, near=0)
    assert (context[slice(*span)] if span else None) == match
