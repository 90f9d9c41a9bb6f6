"""Spaces of the five questions that followed the study; docs/questions.md describes them.

`NAME` runs on real data and has a twin `NAME-xl` for a cluster. `NAME_world` is the same question in the synthetic
world, where its answer is known.
"""

from collections.abc import Callable
from dataclasses import replace

from sweeper.space import Model, Resources, Space, Stage, Training

XLMR_LARGE = Model(name="xlmr-large", id="FacebookAI/xlm-roberta-large", resources=Resources(cpus=4, gpus=1))


def on_cluster(
    space: Space, enlarged: Callable[[Stage], Stage], training: Training, models: tuple[Model, ...] = (XLMR_LARGE,)
) -> Space:
    """The twin of a small space: the same recipes and targets with large encoders, five seeds and all test examples.

    `enlarged` gives each stage its training, `training` is that of the targets.
    """
    return replace(
        space,
        name=f"{space.name}-xl",
        title=f"{space.title}, on a cluster",
        models=models,
        recipes=tuple(replace(recipe, stages=tuple(map(enlarged, recipe.stages))) for recipe in space.recipes),
        targets=tuple(replace(target, training=training, eval_cap=None) for target in space.targets),
        seeds=(1, 2, 3, 4, 5),
        evaluate="test",
        eval_cap=None,
    )
