"""The demo: nine intermediates x nine targets on generated data, a few minutes on two cores, nothing from outside.

It shows the whole way from a space to a matrix. Nothing is planted in its world and its encoder starts from random
weights, so its numbers say that the machinery works, and nothing about languages or tasks. Targets that train on
data of their own and have a dev and a test split choose their dials on English dev; the others on a part of train.
"""

from dataclasses import replace

from sweeper.space import LogUniform, Model, Recipe, Search, Space, Stage, Target, Training
from sweeper.tasks.demo import INTERMEDIATES, TARGETS, TASKS

TRAINING = Training(
    learning_rate=3e-3,
    epochs=4,
    batch_size=8,
    max_length=64,
    stride=16,
    cap_tokens=30_000,
)
"""At most 30,000 tokens a training: about a second on one core."""
DIALS = {"learning_rate": LogUniform(low=1e-4, high=1e-2, first=(3e-3, 1e-3, 5e-3, 5e-4))}
NINE = tuple(task.name for task in INTERMEDIATES)

SPACE = Space(
    name="demo",
    title="Demo: generated tasks, an encoder with random weights",
    models=(Model(name="tiny", id="demo/tiny"),),
    recipes=(
        Recipe(name="baseline"),
        *(Recipe(name=name, stages=(Stage(tasks=(name,), training=TRAINING, dials=DIALS),)) for name in NINE),
        # A third of the tokens a task, so that nine of them cost as much as three trainings.
        Recipe(
            name="multitask",
            stages=(Stage(tasks=NINE, training=replace(TRAINING, cap_tokens=8_000), dials=DIALS),),
        ),
    ),
    targets=tuple(Target(task=task.name, training=TRAINING, dials=DIALS, layer=0.5) for task in TARGETS),
    tasks=TASKS,
    seeds=(1, 2),
    search=Search(scope="target", trials=4, batch=4, share=0.2),
    evaluate="test",
    world="demo",
)
