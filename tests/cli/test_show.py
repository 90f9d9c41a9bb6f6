"""`sweeper show`: the printed examples, and messages for names that do not exist."""

from pathlib import Path

from tests.cli.test_plan import Study
from tests.runs import Call, is_user_error
from tests.tokenizers_tiny import save_tiny_encoder


def test_show_prints_texts_tokens_labels_truncation_and_overlap(call: Call, tmp_path: Path) -> None:
    study = Study(tmp_path / "project")
    save_tiny_encoder(study.folder / "encoder")
    result = call("show", study.space(), "--task", "reviews", "--rows", "1")
    assert result.code == 0, result.err
    lines = [" ".join(line.split()) for line in result.out.splitlines()]
    assert lines[0] == "Task reviews (classify, accuracy), train, en, with max_length 128 of target reviews."
    assert "inferred from the data: columns text = text, label = label; labels bad, good." in lines[1]
    assert lines[3:6] == ["example 0", "text fine", "label good"]
    assert lines[6].startswith("tokens <s> ")
    assert "Labels: bad 2, good 2." in lines
    assert "Truncated: 0 of 4 examples (0.0 %)." in lines
    overlap = "Overlap: 1 of 2 different items of test in en (50.0 %) also occur in the training data (en)."
    assert overlap in lines


def test_show_refuses_unknown_tasks_and_models_with_the_nearest_names(call: Call, tmp_path: Path) -> None:
    study = Study(tmp_path / "project")
    result = call("show", study.space(), "--task", "review")
    assert is_user_error(result)
    assert "No task is called 'review'. Did you mean 'reviews'?" in result.err
    result = call("show", study.space(model="./encodr"), "--task", "reviews")
    assert is_user_error(result)
    assert "There is no model './encodr'" in result.err
    assert "Did you mean './encoder'?" in result.err
