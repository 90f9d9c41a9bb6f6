"""What a target of the synthetic world scores if all is known but the classes: `GUESS` of the zero-shot table."""

import random
from pathlib import Path

import pytest

from benchmarks.zero_shot import GUESS
from sweeper.scoring.chunks import chunk_metrics, count_chunks
from sweeper.world.languages import CODES
from sweeper.world.skills import SKILLS
from tests.world.facts import LANGUAGES, PART_OF, SKILL_OF_PROBE, concepts, read


def redrawn(tags: list[str], draws: random.Random) -> list[str]:
    """The same tags, but for each kind of them in the sentence another class, at random."""
    classes = {tag[:-1]: draws.randrange(3) for tag in tags if tag[-1].isdigit()}
    return [tag[:-1] + str(classes[tag[:-1]]) if tag[-1].isdigit() else tag for tag in tags]


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(("target", "column"), [("words", "pos_tags"), ("names", "ner_tags")])
def test_the_guess_of_a_tagger_is_what_classes_drawn_at_random_score(
    target: str, column: str, code: str, demo_world: Path
) -> None:
    draws, folder = random.Random(0), demo_world / "datasets/demo" / target
    gold = [row[column] for path in sorted(folder.glob(f"draw*/*_{code}.jsonl")) for row in read(path)]
    several = [count_chunks(gold, [redrawn(tags, draws) for tags in gold]) for _ in range(5)]
    mean = sum(chunk_metrics(counts)["f1"] for counts in several) / len(several)
    assert mean == pytest.approx(GUESS[target][code], abs=0.02)


@pytest.mark.parametrize("target", ["xquestions", "mquestions"])
@pytest.mark.parametrize("code", ["en", "xd", "xh"])
def test_a_question_can_mean_two_words_of_its_paragraph_and_one_is_the_answer(
    target: str, code: str, demo_world: Path
) -> None:
    language = LANGUAGES[code]
    rows = read(demo_world / f"datasets/demo/{target}/draw1/validation_{code}.jsonl")
    for row in rows:
        part = SKILLS[SKILL_OF_PROBE[concepts(row["question"], language)[-1]]].part
        meant = [concept for concept in concepts(row["context"], language) if PART_OF.get(concept) == part]
        (answer,) = row["answers"]["text"]
        assert len(meant) == 1 / GUESS[target][code]
        assert concepts(answer, language)[0] in meant
