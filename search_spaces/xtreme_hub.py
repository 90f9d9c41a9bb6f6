"""The part of `xtreme` whose data are all on the Hub, so that one command runs it without local files.

The recipes are the baseline, the eight free intermediate tasks, these eight jointly, and their variants `_mlm`. BUCC is
the sample on the Hub (`bucc`) in place of BUCC 2018, and parts of speech are the copy on the Hub (`pos_hub`) in place
of Universal Dependencies 2.5. These two columns count in no mean of the benchmark.
"""

from dataclasses import replace

from sweeper.space import Target

from .xtreme import EIGHT
from .xtreme import SPACE as XTREME

ROWS = (*EIGHT, "multitask8")
NAMES = ("baseline", *ROWS, *(f"{name}_mlm" for name in ROWS))
ON_THE_HUB = {"pos": "pos_hub", "bucc2018": "bucc"}
"""Target of `xtreme` -> the target that replaces it."""


def _on_the_hub(target: Target) -> Target:
    return replace(target, task=ON_THE_HUB.get(target.task, target.task))


SPACE = replace(
    XTREME,
    name="xtreme_hub",
    title="Intermediate-task transfer on XTREME with XLM-R Large, data of the Hub",
    recipes=tuple(recipe for recipe in XTREME.recipes if recipe.name in NAMES),
    targets=tuple(_on_the_hub(target) for target in XTREME.targets),
)
