"""A space of 60 short trials for tests of clusters: three recipes, two targets, seven seeds."""

from dataclasses import replace

from search_spaces.demo_full import PREPARE
from search_spaces.tiny import SPACE as TINY
from sweeper.space import Recipe, Space, Stage, Target

SHORT = replace(PREPARE, epochs=3, cap_examples=64)


def _target(target: Target) -> Target:
    return replace(target, languages=("en", "xa"), training=replace(target.training, epochs=3))


SPACE: Space = replace(
    TINY,
    name="sixty_trials",
    title="60 short trials",
    recipes=(
        Recipe(name="baseline"),
        *(Recipe(name=task, stages=(Stage(tasks=(task,), training=SHORT),)) for task in ("parts", "rewrites")),
    ),
    targets=tuple(_target(target) for target in TINY.targets),
    seeds=tuple(range(1, 8)),
    world="demo:draws=8",
)
