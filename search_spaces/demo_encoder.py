"""Pretrains the encoder of the synthetic world from random weights, by masked language modelling on its text."""

from sweeper.space import Model, Recipe, Resources, Search, Space, Stage, Target, Training
from sweeper.world.tasks import TASKS

TRAINING = Training(
    learning_rate=1e-3,
    epochs=3,
    batch_size=64,
    max_length=128,
    warmup=0.03,
    mask_share=1 / 3,
    threads=2,
)
"""After these epochs the nearest neighbour of most sentences is their translation. The weights in the package were
trained in bf16 by an earlier version of this space."""

SPACE = Space(
    name="demo_encoder",
    title="The encoder of the synthetic world, pretrained on its text",
    models=(Model(name="blank", id="demo/blank", resources=Resources(cpus=2)),),
    recipes=(Recipe(name="pretrained", stages=(Stage(tasks=("texts",), training=TRAINING),)),),
    targets=(Target(task="twins", layer=1 / 3), Target(task="mining", layer=1 / 3)),
    tasks=TASKS,
    seeds=(1,),
    # A tenth of the lines is set aside, as when the encoder of the package was trained.
    search=Search(cap=10_000),
    evaluate="test",
    world="demo:draws=1",
)
