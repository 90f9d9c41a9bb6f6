"""The recipes of `xtreme` and the ten targets of XTREME-R (Ruder et al. 2021), with XLM-R Large.

Epochs, batch sizes, lengths, warm-up, weight decay and fixed learning rates are those of the scripts of the benchmark.
Searches start with published learning rates. XCOPA trains on SIQA, then on COPA. Scores are on test, because the dev
split of part-of-speech tagging is only in English. Tatoeba is scored on the encoder of the recipe, as in `xtreme`. The
script of the benchmark first trains on SQuAD; a stage in `before` would do the same.
"""

from dataclasses import replace

from sweeper.space import Stage, Target, Training

from .xtreme import DIALS
from .xtreme import SPACE as XTREME

SHORT = Training(learning_rate=3e-5, epochs=5, batch_size=32, warmup=0.0, weight_decay=0.0, precision="bf16", threads=4)
TAGS = replace(SHORT, learning_rate=2e-5, epochs=10)
SPANS = replace(SHORT, epochs=3, max_length=384, weight_decay=1e-4, warmup=0.06)
"""The script warms up for 500 steps, which are 6 % of the steps on SQuAD."""
QUESTIONS = replace(SHORT, learning_rate=2e-5, epochs=3, batch_size=16, max_length=256)
"""Questions and candidates have at most 256 tokens. The script cuts questions at 96; very few are longer."""
MENTION_DIALS = {"learning_rate": replace(DIALS["learning_rate"], high=1e-4, first=(1e-5, 2e-5, 5e-5, 1e-4))}
"""The four rates that the script of the benchmark searches. The highest, 1e-4, is twice that of other targets."""
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
