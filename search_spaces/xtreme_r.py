"""The rows of `xtreme` against the ten targets of XTREME-R (Ruder et al. 2021), XLM-R Large.

Epochs, batch sizes, lengths, warm-up and weight decay are those of the benchmark's scripts, as are the learning rates
that are not searched; those that are start among the published ones. XCOPA trains on SIQA and then on COPA. Reported on
test, where all languages are: part-of-speech tags have a dev split in English alone. Tatoeba is scored on the row's own
encoder, as in the study; the benchmark's script tunes it on SQuAD first, which is a stage in `before`.
"""

from dataclasses import replace

from sweeper.space import Stage, Target, Training

from .xtreme import DIALS
from .xtreme import SPACE as XTREME

SHORT = Training(learning_rate=3e-5, epochs=5, batch_size=32, warmup=0.0, weight_decay=0.0, precision="bf16", threads=4)
TAGS = replace(SHORT, learning_rate=2e-5, epochs=10)
SPANS = replace(SHORT, epochs=3, max_length=384, weight_decay=1e-4, warmup=0.06)
"""The script's warm-up of 500 steps is 6 % of those on SQuAD."""
QUESTIONS = replace(SHORT, learning_rate=2e-5, epochs=3, batch_size=16, max_length=256)
"""Questions too may have the 256 tokens of a candidate; the script cuts them at 96, which hardly any reaches."""
MENTION_DIALS = {"learning_rate": replace(DIALS["learning_rate"], high=1e-4, first=(1e-5, 2e-5, 5e-5, 1e-4))}
"""Starts with the four rates that the script says were searched, of which 1e-4 is twice the others' highest."""
MENTIONS = replace(SHORT, learning_rate=1e-5, epochs=2, max_length=64)

SPACE = replace(
    XTREME,
    name="xtreme_r",
    title="Intermediate-task transfer on XTREME-R with XLM-R Large",
    targets=(
        Target(task="xnli", training=SHORT, dials=DIALS),
        Target(task="xcopa", before=(Stage(tasks=("siqa",), training=SHORT),), training=SHORT, dials=DIALS),
        Target(task="pos_r", training=TAGS, dials=DIALS),
        Target(task="ner_r", training=TAGS, dials=DIALS),
        Target(task="xquad_r", training=SPANS, dials=DIALS),
        Target(task="mlqa", training=SPANS, dials=DIALS),
        Target(task="tydiqa", training=SPANS, dials=DIALS),
        Target(task="tatoeba_r", training=replace(SHORT, max_length=512)),
        Target(task="mewslix", training=MENTIONS, dials=MENTION_DIALS),
        Target(task="lareqa", training=QUESTIONS, dials=DIALS),
    ),
    evaluate="test",
)
