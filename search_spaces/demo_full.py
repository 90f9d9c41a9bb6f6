"""The full matrix of the synthetic world: eleven recipes x nine targets, five seeds, all learning rates searched.

The other spaces of the synthetic world are cuts or variants of it. The planted gain of every cell is known:
docs/synthetic-world.md.
"""

from dataclasses import replace

from sweeper.space import Choice, Dials, LogUniform, Model, Recipe, Search, Space, Stage, Target, Training
from sweeper.world.tasks import INTERMEDIATES, TARGETS, TASKS

PREPARE = Training(learning_rate=1e-3, epochs=5, batch_size=32, max_length=128)
CHOICES = replace(PREPARE, batch_size=16)
"""For tasks with answer choices. An example has several sequences, so 16 examples are still more text than a step of
other tasks. Half the batch size gives twice the steps, which improves transfer considerably."""
TRAINING = Training(learning_rate=1e-3, epochs=6, batch_size=16, max_length=128, frozen_layers=1)
"""The embeddings and the first layer are frozen. Otherwise a target would memorise the words of its own training data
and rely less on the prepared encoder."""
QUESTIONS = replace(TRAINING, epochs=10, frozen_layers=0)
"""Question answering is learned more slowly and needs the first layer too."""
ALL_TASKS = tuple(task.name for task in INTERMEDIATES)
MULTITASK_SHARE = 0.34
"""Share of the epochs in the multitask recipe, which makes nine tasks as expensive as three."""
LAYER = 1 / 3
"""Retrieval layer as a share of the depth: the layer in which the languages of the encoder are aligned best."""
TWO_RATES: Dials = {"learning_rate": Choice(values=(1e-3, 5e-4), first=(1e-3, 5e-4))}
SHORT_SEARCH = Search(scope="target", trials=2, batch=2, share=0.2)
"""Tries both rates of `TWO_RATES` once for each target, on the baseline."""
RATES: Dials = {"learning_rate": LogUniform(low=1e-4, high=3e-3, first=(1e-3, 5e-4, 2e-3, 2.5e-4))}


def shortened(training: Training, share: float) -> Training:
    """The training with a share of its epochs."""
    return replace(training, epochs=share * training.epochs)


def recipes(share: float = 1.0) -> tuple[Recipe, ...]:
    """The eleven recipes without dials, trained for a share of the usual epochs."""
    trainings = {task.name: CHOICES if "choices" in task.columns else PREPARE for task in INTERMEDIATES}
    stages = {name: Stage(tasks=(name,), training=shortened(value, share)) for name, value in trainings.items()}
    stages["multitask"] = Stage(tasks=ALL_TASKS, training=shortened(PREPARE, share * MULTITASK_SHARE))
    return (Recipe(name="baseline"), *(Recipe(name=name, stages=(stage,)) for name, stage in stages.items()))


def targets(dials: Dials) -> tuple[Target, ...]:
    """The nine targets with these dials."""
    return tuple(
        Target(task=task.name, training=QUESTIONS if task.group == "qa" else TRAINING, dials=dials, layer=LAYER)
        for task in TARGETS
    )


SPACE = Space(
    name="demo_full",
    title="The full matrix of the synthetic world, every learning rate searched",
    models=(Model(name="tiny", id="demo/tiny"),),
    recipes=tuple(
        replace(recipe, stages=tuple(replace(stage, dials=RATES) for stage in recipe.stages)) for recipe in recipes()
    ),
    targets=targets(RATES),
    tasks=TASKS,
    seeds=(1, 2, 3, 4, 5),
    search=Search(trials=8, batch=4, share=0.2),
    evaluate="test",
    world="demo",
)
