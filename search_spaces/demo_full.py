"""The demo trained and scored in full: five seeds, a search for every preparation and every cell that is trained."""

from dataclasses import replace

from sweeper.space import LogUniform, Search

from .demo import SPACE as DEMO
from .demo import recipes, targets

DIALS = {"learning_rate": LogUniform(low=1e-4, high=3e-3, first=(1e-3, 5e-4, 2e-3, 2.5e-4))}

SPACE = replace(
    DEMO,
    name="demo_full",
    title="Demo, in full: five seeds, learning rates searched for every preparation and every trained cell",
    recipes=tuple(
        replace(recipe, stages=tuple(replace(stage, dials=DIALS) for stage in recipe.stages)) for recipe in recipes()
    ),
    targets=tuple(replace(target, dials=DIALS) for target in targets()),
    seeds=(1, 2, 3, 4, 5),
    eval_cap=None,
    search=Search(trials=8, batch=4, share=0.2),
)
