"""A corner of the demo for tests: two recipes x two targets, the whole path in seconds."""

from dataclasses import replace

from search_spaces.demo import SPACE as DEMO
from sweeper.space import Search

RECIPES = ("baseline", "parts")
TARGETS = ("names", "few_questions")

SPACE = replace(
    DEMO,
    name="tiny",
    title="Two recipes x two targets on generated data",
    recipes=tuple(recipe for recipe in DEMO.recipes if recipe.name in RECIPES),
    targets=tuple(target for target in DEMO.targets if target.task in TARGETS),
    search=Search(scope="target", trials=2, batch=2, share=0.2),
)
