"""`sweeper align`: word pairs from parallel sentences, and the error for a task without them."""

from pathlib import Path

import pytest

from sweeper.world.languages import make_languages
from tests.runs import Call, is_user_error

pytestmark = pytest.mark.seconds


def test_align_writes_word_pairs_that_are_translations_in_the_lexicon_of_the_world(
    call: Call, demo_world: Path, tmp_path: Path
) -> None:
    result = call("align", "tiny", "--task", "twins", "--out", "pairs.tsv", "--mirror", str(demo_world))
    assert result.code == 0, result.err
    lines = [line.split("\t") for line in (tmp_path / "pairs.tsv").read_text(encoding="utf-8").splitlines()]
    languages = make_languages(0)
    assert len(lines) > 500
    for code, word, _, english in lines:
        language = languages[code]
        # The suffix of a case belongs to the word.
        assert word in (language.words[english], language.words[english] + language.marker)
    assert {other for _, _, other, _ in lines} == {"en"}


def test_align_refuses_a_task_without_parallel_sentences(call: Call, demo_world: Path) -> None:
    result = call("align", "tiny", "--task", "names", "--out", "pairs.tsv", "--mirror", str(demo_world))
    assert is_user_error(result)
    assert "Task 'names' has no pairs of parallel sentences. Use a task of format retrieve" in result.err


def test_align_refuses_a_file_in_a_missing_folder_before_it_reads_any_sentence(call: Call, demo_world: Path) -> None:
    result = call("align", "tiny", "--task", "twins", "--out", "missing/pairs.tsv", "--mirror", str(demo_world))
    assert is_user_error(result)
    assert result.err.startswith("error: --out missing/pairs.tsv: there is no folder missing. Create it")
    assert "word pairs" not in result.out
