"""The demo with five seeds and the full search of learning rates, for preparations and targets alike."""

from dataclasses import replace

from search_spaces.demo import SPACE as DEMO
from sweeper.space import LogUniform, Search

DIALS = {"learning_rate": LogUniform(low=1e-4, high=3e-3, first=(1e-3, 5e-4, 2e-3, 2.5e-4))}

SPACE = replace(
    DEMO,
    name="demo_full",
    title="Demo, in full: five seeds, learning rates searched everywhere",
    recipes=tuple(
        replace(recipe, stages=tuple(replace(stage, dials=DIALS) for stage in recipe.stages)) for recipe in DEMO.recipes
    ),
    targets=tuple(replace(target, dials=DIALS) for target in DEMO.targets),
    seeds=(1, 2, 3, 4, 5),
    search=Search(scope="target", trials=8, batch=4, share=0.2),
)
