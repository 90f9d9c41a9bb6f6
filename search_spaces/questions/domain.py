"""Domain adaptation x intermediate task: text of a domain before or after MNLI, or half of it on each side.

The domains are the Bible and news (NTREX), in English or in four languages, with equal tokens. General text (Wikipedia)
of the same size is the placebo of a domain: it has as many tokens.
The numbers of steps differ, because lines have different lengths.
"""

from dataclasses import replace

from sweeper.space import (
    Contrast,
    Model,
    Recipe,
    Space,
    Stage,
    Target,
    difference,
    interaction,
)
from sweeper.tasks.catalog import CATALOG
from sweeper.tasks.spec import Rows, Task

from ..text_small import SHORT
from . import LARGE, on_cluster

LANGUAGES = ("en", "de", "ru", "zh")
SETS = {"bible": "local/bible_parallel", "news": "local/ntrex"}
"""Domain -> data set with a column for each language."""
HALVES = {"news_start": "train[:998]", "news_end": "train[998:]"}
"""The two halves of the news, without a common line."""
SPLITS = {"bible": "train[13924:17418]+train[23146:26382]", "news": "train", **HALVES}
"""Verses that all four languages have."""
TOKENS = 24_000
"""Tokens of the adaptation in all its languages."""


def _corpus(name: str, language: str) -> Task:
    domain = name.partition("_")[0]
    return replace(
        CATALOG["mlm_text"],
        name=f"{name}_{language}",
        title=f"Text of the domain {domain} in {language}",
        columns={"text": language},
        train={"en": (Rows(id=SETS[domain], config="default", split=SPLITS[name]),)},
        train_size=0,
        domain=domain,
    )


CORPORA = tuple(_corpus(name, language) for name in SPLITS for language in LANGUAGES)
TASK = Stage(tasks=("mnli",), training=replace(SHORT, learning_rate=2e-4))


def _adapt(domain: str, share: float = 1.0, languages: tuple[str, ...] = LANGUAGES) -> Stage:
    """Adaptation to a domain with a share of its tokens."""
    tokens = round(TOKENS * share / len(languages))
    training = replace(SHORT, learning_rate=2e-4, cap_tokens=tokens)
    if domain == "general":
        return Stage(tasks=("local_text",), languages=languages, training=training)
    return Stage(tasks=tuple(f"{domain}_{language}" for language in languages), training=training)


DOMAINS = ("bible", "news", "general")
RECIPES = (
    Recipe(name="baseline"),
    Recipe(name="mnli", stages=(TASK,)),
    *(
        Recipe(name=name, stages=stages, factors={"domain": domain})
        for domain in DOMAINS
        for name, stages in {
            domain: (_adapt(domain),),
            f"{domain} then mnli": (_adapt(domain), TASK),
            f"mnli then {domain}": (TASK, _adapt(domain)),
        }.items()
    ),
    Recipe(
        name="news around mnli",
        stages=(_adapt("news_start", 0.5), TASK, _adapt("news_end", 0.5)),
        factors={"domain": "news"},
    ),
    Recipe(name="English news then mnli", stages=(_adapt("news", languages=("en",)), TASK), factors={"domain": "news"}),
)


def _contrasts(domain: str) -> tuple[Contrast, ...]:
    """What adaptation and MNLI add together, in both orders, and the domain against general text."""
    orders = {"before": f"{domain} then mnli", "after": f"mnli then {domain}"}
    return tuple(
        interaction(f"{domain} {word} mnli", both, domain, "mnli", "baseline", family="domain", each=("target",))
        for word, both in orders.items()
    )


CONTRASTS = (
    *(contrast for domain in DOMAINS for contrast in _contrasts(domain)),
    *(
        difference(
            f"{domain} - general text, before mnli", f"{domain} then mnli", "general then mnli", family="placebo"
        )
        for domain in SETS
    ),
    difference("four languages - English, news", "news then mnli", "English news then mnli", family="placebo"),
    difference("around - before, news", "news around mnli", "news then mnli", family="placebo"),
)

SPACE = Space(
    name="questions/domain",
    title="Domain adaptation before, after and around an intermediate task",
    models=(Model(name="mini-xlmr", id="mini-xlmr"),),
    recipes=RECIPES,
    targets=(
        Target(task="tatoeba", training=SHORT, languages=("ar", "de", "hi", "ru", "zh")),
        Target(
            task="ner", training=replace(SHORT, learning_rate=2e-4, cap_tokens=12_000), languages=("de", "ru", "zh")
        ),
        Target(task="pawsx", training=replace(SHORT, learning_rate=2e-4, cap_tokens=12_000), languages=("de", "zh")),
    ),
    tasks=CORPORA,
    seeds=(1, 2),
    evaluate="dev",
    eval_cap=60,
    contrasts=CONTRASTS,
)

GROWTH = 5
"""Factor on the tokens of adaptation: 40,000 in each of the three epochs. The smallest corpus, news in English, has
42,034 words, and therefore at least as many tokens of any encoder."""


def _large(stage: Stage) -> Stage:
    tokens = stage.training.cap_tokens
    is_task = stage.tasks == TASK.tasks
    return replace(stage, training=replace(LARGE, cap_tokens=None if is_task or not tokens else GROWTH * tokens))


XL = on_cluster(SPACE, _large, LARGE)
