"""The catalog: intermediate tasks, their free substitutes, targets of XTREME and XTREME-R, and corpora."""

from collections.abc import Callable, Mapping
from typing import Any

from sweeper.tasks.intermediates import INTERMEDIATES, SUBSTITUTES
from sweeper.tasks.languages import PLAIN_TEXT
from sweeper.tasks.spec import Rows, Task
from sweeper.tasks.targets import TARGETS
from sweeper.tasks.xtreme_r import INTERMEDIATES as ADDED_INTERMEDIATES
from sweeper.tasks.xtreme_r import POOLS
from sweeper.tasks.xtreme_r import TARGETS as ADDED_TARGETS

WIKIPEDIA = "b04c8d1ceb2f5cd4588862100d08de323dccfbaa"
"""The commit of wikimedia/wikipedia with the dumps of 1 November 2023."""
NUM_ARTICLES = 10_000
"""Articles of each language."""


def _corpus(rows_of: Callable[[str], Rows], **entry: Any) -> Task:
    train = {code: (rows_of(code),) for code in PLAIN_TEXT}
    columns = {"text": "text"}
    return Task(format="mlm", scorer="loss", columns=columns, train=train, group="language modelling", **entry)


CORPORA = (
    _corpus(
        lambda code: Rows(
            id="wikimedia/wikipedia",
            config=f"20231101.{code}",
            split="train",
            revision=WIKIPEDIA,
            first=NUM_ARTICLES,
        ),
        name="mlm_text",
        title="Wikipedia",
        train_size=NUM_ARTICLES,
        licence="CC BY-SA 3.0 and GFDL",
        note=(
            f"For masked language modelling: the first {NUM_ARTICLES:,} articles of each language, streamed from the "
            "Hub into the cache. An article is one text, of which the first max_length tokens are read."
        ),
    ),
    _corpus(
        lambda code: Rows(id="local/mlm_text", config=code, split="train"),
        name="local_text",
        title="Plain text of your own",
        licence="That of your text",
        note=(
            "For masked language modelling on your own text: create a data set folder local/mlm_text with one config "
            "for each language that you have, and a column `text`. Name it in `mlm_task` or `tasks` of a stage."
        ),
    ),
)

XTREME_R = (*ADDED_INTERMEDIATES, *ADDED_TARGETS, *POOLS)
CATALOG: Mapping[str, Task] = {
    task.name: task for task in (*INTERMEDIATES, *SUBSTITUTES, *TARGETS, *XTREME_R, *CORPORA)
}
