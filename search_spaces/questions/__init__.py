"""Spaces of the five questions that followed the study; docs/questions.md describes them.

`NAME` runs on real data and has a twin `NAME-xl` for a cluster. `NAME_world` is the same question in the synthetic
world, where its answer is known.
"""

from collections.abc import Callable
from dataclasses import replace

from sweeper.space import Model, Resources, Search, Space, Stage, Training

XLMR_LARGE = Model(name="xlmr-large", id="FacebookAI/xlm-roberta-large", resources=Resources(cpus=4, gpus=1))
LARGE = Training(learning_rate=2e-5, epochs=3, batch_size=32, max_length=128, precision="bf16", threads=4)
"""The training of a large encoder on a cluster."""
SMALL_NOTE = (
    "This space tests the pipeline on real text; its samples are too small for an answer. The encoder has at most 10 "
    "million parameters, the recipes have hundreds of examples and the cells two seeds, so that most intervals are "
    "wider than the effects in the literature. An estimate that is not distinguished from 0 says nothing about large "
    "encoders. An estimate that is distinguished from 0 is a result about this encoder alone."
)
"""What no small space can show."""
LARGE_NOTE = (
    "This space has large encoders, five seeds and all evaluation examples. Estimates hold for these encoders, "
    "recipes, targets and languages."
)


def on_cluster(
    space: Space, enlarged: Callable[[Stage], Stage], training: Training, models: tuple[Model, ...] = (XLMR_LARGE,)
) -> Space:
    """The twin of a small space, with the same recipes and targets, for large encoders.

    It has five seeds, all test examples and the usual selection data. Its note has LARGE_NOTE in place of SMALL_NOTE.
    `enlarged` gives each stage its training, `training` is that of the targets.
    """
    return replace(
        space,
        name=f"{space.name}-xl",
        title=f"{space.title}, on a cluster",
        models=models,
        recipes=tuple(replace(recipe, stages=tuple(map(enlarged, recipe.stages))) for recipe in space.recipes),
        targets=tuple(replace(target, training=training, eval_cap=None) for target in space.targets),
        search=Search(),
        seeds=(1, 2, 3, 4, 5),
        evaluate="test",
        eval_cap=None,
        note=space.note.replace(SMALL_NOTE, LARGE_NOTE),
    )


def with_examples(training: Training, num: int) -> Callable[[Stage], Stage]:
    """Gives a stage a training with a number of examples. Its windows overlap as before."""
    return lambda stage: replace(stage, training=replace(training, stride=stage.training.stride, cap_examples=num))
