"""The demo: nine intermediates x nine targets of the synthetic world, minutes on two cores, nothing from outside.

What teaches what is planted (docs/synthetic-world.md), so the matrix can be held against the truth. Two seeds,
short trainings and a short search: it shows the way, and claims no significance; `demo_full` is the whole of it.
"""

from dataclasses import replace

from sweeper.space import Choice, Model, Recipe, Search, Space, Stage, Target, Training
from sweeper.world.tasks import INTERMEDIATES, TARGETS, TASKS

PREPARE = Training(learning_rate=1e-3, epochs=5, batch_size=32, max_length=128)
CHOICES = replace(PREPARE, batch_size=16)
"""An example with choices holds several sequences: half as many examples a step are still more text than elsewhere, and
twice the steps teach what is passed on much better."""
TRAINING = Training(learning_rate=1e-3, epochs=6, batch_size=16, max_length=128, frozen_layers=1)
"""The embeddings and the first layer stay as they are: what a row has learned is read instead of learned by heart."""
QUESTIONS = replace(TRAINING, epochs=10, frozen_layers=0)
"""Answering is learned more slowly, and needs the first layer too."""
DIALS = {"learning_rate": Choice(values=(1e-3, 5e-4), first=(1e-3, 5e-4))}
NINE = tuple(task.name for task in INTERMEDIATES)
JOINTLY = 0.34
"""Share of the epochs that all nine are trained for together, so that they cost as much as three."""
SHORT = 0.6
"""Share of the epochs that is enough to look at."""
LAYER = 1 / 3
"""The layer that the encoder's sentences are compared in: the one in which its languages are aligned best."""


def _for(share: float, training: Training) -> Training:
    return replace(training, epochs=share * training.epochs)


def recipes(share: float = 1.0) -> tuple[Recipe, ...]:
    """The eleven rows, their stages trained for a share of the epochs."""
    trainings = {task.name: CHOICES if task.format == "choose" else PREPARE for task in INTERMEDIATES}
    rows = {name: Stage(tasks=(name,), training=_for(share, training)) for name, training in trainings.items()}
    rows["multitask"] = Stage(tasks=NINE, training=_for(share * JOINTLY, PREPARE))
    return (Recipe(name="baseline"), *(Recipe(name=name, stages=(stage,)) for name, stage in rows.items()))


def targets(share: float = 1.0) -> tuple[Target, ...]:
    """The nine columns, trained for a share of the epochs."""
    return tuple(
        Target(
            task=task.name,
            training=_for(share, QUESTIONS if task.group == "qa" else TRAINING),
            dials=DIALS,
            layer=LAYER,
        )
        for task in TARGETS
    )


SPACE = Space(
    name="demo",
    title="Demo: a synthetic world with planted transfer",
    models=(Model(name="tiny", id="demo/tiny"),),
    recipes=recipes(SHORT),
    targets=targets(SHORT),
    tasks=TASKS,
    seeds=(1, 2),
    search=Search(scope="target", trials=2, batch=2, share=0.2),
    evaluate="test",
    eval_cap=48,
    world="demo",
)
