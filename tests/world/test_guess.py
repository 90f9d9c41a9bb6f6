"""`GUESS` of the zero-shot table is the score of a model that makes no error but guesses the hidden classes."""

import random
from pathlib import Path

import pytest

from benchmarks.zero_shot import GUESS
from sweeper.scoring.chunks import chunk_metrics, count_chunks
from sweeper.world.languages import CODES
from sweeper.world.skills import SKILLS
from tests.world.facts import LANGUAGES, ROLE_OF, SKILL_OF_PROBE, concepts, read


def redrawn(tags: list[str], draws: random.Random) -> list[str]:
    """The tags of a sentence with random classes: one class for all tags of the same stem."""
    classes = {tag[:-1]: draws.randrange(3) for tag in tags if tag[-1].isdigit()}
    return [tag[:-1] + str(classes[tag[:-1]]) if tag[-1].isdigit() else tag for tag in tags]


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(("target", "column"), [("words", "pos_tags"), ("names", "ner_tags")])
def test_the_guess_of_a_tagging_target_is_the_score_of_random_classes(
    target: str, column: str, code: str, demo_world: Path
) -> None:
    draws, folder = random.Random(0), demo_world / "datasets/demo" / target
    gold = [row[column] for path in sorted(folder.glob(f"draw*/*_{code}.jsonl")) for row in read(path)]
    counts_list = [count_chunks(gold, [redrawn(tags, draws) for tags in gold]) for _ in range(5)]
    mean = sum(chunk_metrics(counts)["f1"] for counts in counts_list) / len(counts_list)
    assert mean == pytest.approx(GUESS[target][code], abs=0.02)


@pytest.mark.parametrize("target", ["xquestions", "mquestions"])
@pytest.mark.parametrize("code", ["en", "xd", "xh"])
def test_two_words_of_a_paragraph_have_the_role_of_the_answer(target: str, code: str, demo_world: Path) -> None:
    language = LANGUAGES[code]
    rows = read(demo_world / f"datasets/demo/{target}/draw1/validation_{code}.jsonl")
    for row in rows:
        role = SKILLS[SKILL_OF_PROBE[concepts(row["question"], language)[-1]]].role
        candidates = [concept for concept in concepts(row["context"], language) if ROLE_OF.get(concept) == role]
        (answer,) = row["answers"]["text"]
        assert len(candidates) == 1 / GUESS[target][code]
        assert concepts(answer, language)[0] in candidates
