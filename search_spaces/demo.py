"""The demo: nine intermediates x nine targets of the synthetic world, minutes on two cores, nothing from outside.

What teaches what is planted (docs/synthetic-world.md), so the matrix can be held against the truth. Two seeds and a
short search: it shows the way, and claims no significance; `demo_full` takes five seeds and the full search.
"""

from dataclasses import replace

from sweeper.space import Choice, Model, Recipe, Search, Space, Stage, Target, Training
from sweeper.tasks.demo import INTERMEDIATES, TARGETS, TASKS

PREPARE = Training(learning_rate=1e-3, epochs=5, batch_size=32, max_length=128)
TRAINING = Training(learning_rate=1e-3, epochs=6, batch_size=16, max_length=128, frozen_layers=1)
"""The embeddings and the first layer stay as they are: what a row has learned is read instead of learned by heart."""
QUESTIONS = replace(TRAINING, epochs=10, frozen_layers=0)
"""Answering is learned more slowly, and needs the first layer too."""
DIALS = {"learning_rate": Choice(values=(1e-3, 5e-4), first=(1e-3, 5e-4))}
NINE = tuple(task.name for task in INTERMEDIATES)
LAYER = 1 / 3
"""The layer that the encoder's sentences are compared in: the one in which its languages are aligned best."""

SPACE = Space(
    name="demo",
    title="Demo: a synthetic world with planted transfer",
    models=(Model(name="tiny", id="demo/tiny"),),
    recipes=(
        Recipe(name="baseline"),
        *(Recipe(name=name, stages=(Stage(tasks=(name,), training=PREPARE),)) for name in NINE),
        # A third of the epochs, so that nine tasks cost as much as three.
        Recipe(name="multitask", stages=(Stage(tasks=NINE, training=replace(PREPARE, epochs=1.7)),)),
    ),
    targets=tuple(
        Target(task=task.name, training=QUESTIONS if task.group == "qa" else TRAINING, dials=DIALS, layer=LAYER)
        for task in TARGETS
    ),
    tasks=TASKS,
    seeds=(1, 2),
    search=Search(scope="target", trials=2, batch=2, share=0.2),
    evaluate="test",
    world="demo",
)
