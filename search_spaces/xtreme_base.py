"""The space `xtreme` with XLM-R Base instead of XLM-R Large."""

from dataclasses import replace

from sweeper.space import Model, Resources

from .xtreme import SPACE as XTREME

SPACE = replace(
    XTREME,
    name="xtreme_base",
    title="Intermediate-task transfer on XTREME with XLM-R Base",
    models=(Model(name="xlmr-base", id="FacebookAI/xlm-roberta-base", resources=Resources(cpus=4, gpus=1)),),
)
