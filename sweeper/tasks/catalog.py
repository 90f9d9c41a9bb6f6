"""The catalog: intermediate tasks, their free substitutes, targets of XTREME and XTREME-R, others, and corpora."""

from collections.abc import Mapping

from sweeper.tasks.intermediates import INTERMEDIATES, SUBSTITUTES
from sweeper.tasks.languages import PLAIN_TEXT
from sweeper.tasks.low_resource import TARGETS as LOW_RESOURCE
from sweeper.tasks.spec import Task
from sweeper.tasks.targets import TARGETS, per_language
from sweeper.tasks.xtreme_r import INTERMEDIATES as ADDED_INTERMEDIATES
from sweeper.tasks.xtreme_r import POOLS
from sweeper.tasks.xtreme_r import TARGETS as ADDED_TARGETS

WIKIPEDIA = "b04c8d1ceb2f5cd4588862100d08de323dccfbaa"
"""The commit of wikimedia/wikipedia with the dumps of 1 November 2023."""
NUM_ARTICLES = 10_000
"""Articles of each language."""

CORPORA = (
    Task(
        name="mlm_text",
        title="Wikipedia",
        format="mlm",
        domain="wikipedia",
        scorer="loss",
        columns={"text": "text"},
        train=per_language(PLAIN_TEXT, "wikimedia/wikipedia", "20231101.{}", "train", WIKIPEDIA, NUM_ARTICLES),
        group="language modelling",
        train_size=NUM_ARTICLES,
        licence="CC BY-SA 3.0 and GFDL",
        note=(
            f"For masked language modelling: the first {NUM_ARTICLES:,} articles of each language, streamed from the "
            "Hub into the cache. An article is one text, of which the first max_length tokens are read."
        ),
    ),
    Task(
        name="local_text",
        title="Plain text of your own",
        format="mlm",
        scorer="loss",
        columns={"text": "text"},
        train=per_language(PLAIN_TEXT, "local/mlm_text", "{}", "train"),
        group="language modelling",
        licence="That of your text",
        note=(
            "For masked language modelling on your own text: create a data set folder local/mlm_text with one config "
            "for each language that you have, and a column `text`. Then name the task local_text in `mlm_task` or "
            "`tasks` of a stage."
        ),
    ),
)

XTREME_R = (*ADDED_INTERMEDIATES, *ADDED_TARGETS, *POOLS)
CATALOG: Mapping[str, Task] = {
    task.name: task for task in (*INTERMEDIATES, *SUBSTITUTES, *TARGETS, *XTREME_R, *LOW_RESOURCE, *CORPORA)
}
