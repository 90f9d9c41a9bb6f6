"""The catalog: intermediate tasks, their free substitutes, targets of XTREME and XTREME-R, and a corpus."""

from collections.abc import Mapping

from sweeper.tasks.intermediates import INTERMEDIATES, SUBSTITUTES
from sweeper.tasks.languages import PLAIN_TEXT
from sweeper.tasks.spec import Rows, Task
from sweeper.tasks.targets import TARGETS
from sweeper.tasks.xtreme_r import INTERMEDIATES as ADDED_INTERMEDIATES
from sweeper.tasks.xtreme_r import POOLS
from sweeper.tasks.xtreme_r import TARGETS as ADDED_TARGETS

CORPORA = (
    Task(
        name="mlm_text",
        title="Plain text",
        format="mlm",
        scorer="loss",
        columns={"text": "text"},
        train={code: (Rows(id="local/mlm_text", config=code, split="train"),) for code in PLAIN_TEXT},
        group="language modelling",
        licence="By source: NTREX CC BY-SA 4.0, UD mixed, Wikipedia CC BY-SA, Masakhane news CC BY-NC 4.0",
        note=(
            "For masked language modelling. It is not on the Hub: create a data set folder local/mlm_text with one "
            "config for each language that you have, and a column `text`. To use other text, define a task for it in "
            "your space file."
        ),
    ),
)

XTREME_R = (*ADDED_INTERMEDIATES, *ADDED_TARGETS, *POOLS)
CATALOG: Mapping[str, Task] = {
    task.name: task for task in (*INTERMEDIATES, *SUBSTITUTES, *TARGETS, *XTREME_R, *CORPORA)
}
