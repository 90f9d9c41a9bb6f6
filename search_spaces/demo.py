"""The demo: nine intermediates x nine targets of the synthetic world, minutes on two cores, nothing from outside.

What teaches what is planted (docs/synthetic-world.md), so the matrix can be held against the truth. Two seeds,
short trainings and a short search: it shows the way, and claims no significance; `demo_full` is the whole of it.
"""

from dataclasses import replace

from .demo_full import SHORT_SEARCH, TWO_RATES, recipes, targets
from .demo_full import SPACE as FULL

SHARE = 0.6
"""Share of the usual epochs."""

SPACE = replace(
    FULL,
    name="demo",
    title="Demo: a synthetic world with planted transfer",
    recipes=recipes(SHARE),
    targets=tuple(
        replace(target, training=replace(target.training, epochs=SHARE * target.training.epochs))
        for target in targets(TWO_RATES)
    ),
    seeds=(1, 2),
    search=SHORT_SEARCH,
    eval_cap=48,
)
