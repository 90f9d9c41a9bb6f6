"""The null world: all recipes are independent draws of one placebo task, so no recipe can help more than another."""

from dataclasses import replace

from sweeper.space import Recipe, Stage
from sweeper.world.tasks import NULLS, TASKS

from .demo_full import PREPARE
from .demo_recovery import SPACE as RECOVERY

SPACE = replace(
    RECOVERY,
    name="demo_null",
    title="Null world: ten draws of one placebo task",
    recipes=(
        Recipe(name="baseline"),
        *(Recipe(name=task.name, stages=(Stage(tasks=(task.name,), training=PREPARE),)) for task in NULLS),
    ),
    tasks=(*TASKS, *NULLS),
)
