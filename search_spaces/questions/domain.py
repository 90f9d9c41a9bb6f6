"""Domain adaptation x intermediate task: text of a domain before or after MNLI, or half of it on each side.

The domains are the Bible and news (NTREX), in English or in four languages, with equal tokens. General text (mostly
Wikipedia and Universal Dependencies, without news of NTREX) of the same size is the placebo of a domain: it has as many
tokens. The numbers of steps differ, because lines have different lengths.

Three more targets are held-out English text of each domain: a frozen encoder predicts masked tokens, with a head that
trains on general text. They show what an encoder learns about a domain, and what it forgets about the others.

The twin on a cluster also has SQuAD and HellaSwag, half of each domain on each side of each task, and each domain in
English only.

The page `distance` asks whether adaptation helps more if its text is near to that of the target. The predictors of
transfer measure the distances between the text of a domain, in all its languages, and the English text of the target.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product

from sweeper.space import EACH, Contrast, Model, Recipe, Slope, Space, Stage, Target, difference, interaction
from sweeper.space.contrast import DISTANCES
from sweeper.tasks.catalog import CATALOG
from sweeper.tasks.spec import Rows, Task

from ..text_small import SHORT
from . import LARGE, SMALL_NOTE, on_cluster

LANGUAGES = ("en", "de", "ru", "zh")
SETS = {"bible": "local/bible_parallel", "news": "local/ntrex"}
"""Domain -> data set with a column for each language."""
GENERAL = "local/mlm_text"
"""General text, with a config for each language. Its first lines are those of NTREX."""
HALVES = {"news_start": "train[:950]", "news_end": "train[950:1900]"}
"""The two halves of the news, without a common line."""
LARGE_HALVES = {
    "bible_start": "train[13924:17418]",
    "bible_end": "train[23146:26082]",
    "general_start": "train[4300:5600]",
    "general_end": "train[5600:]",
}
"""Those of the other domains, which only the twin has."""
SPLITS = {
    "bible": "train[13924:17418]+train[23146:26082]",
    "news": "train[:1900]",
    **HALVES,
    "general": "train[4300:]",
}
"""Corpus -> its lines. The verses are among those that all four languages have."""
HELD_OUT = {"bible": "train[26082:26382]", "news": "train[1900:]", "general": "train[2000:2300]"}
"""Domain -> lines on which nothing trains."""
HEAD = "general_text_of_heads"
"""The task with the general text on which the heads of held-out text train."""
TOKENS = 24_000
"""Tokens of the adaptation in all its languages."""


def _text(name: str, language: str, split: str) -> Task:
    """Lines of a domain as a task; `name` starts with the domain."""
    domain = name.partition("_")[0]
    is_general = domain == "general"
    id_, config, column = (GENERAL, language, "text") if is_general else (SETS[domain], "default", language)
    return replace(
        CATALOG["mlm_text"],
        name=name,
        title=f"Text of the domain {domain} in {language}",
        columns={"text": column},
        train={"en": (Rows(id=id_, config=config, split=split),)},
        train_size=0,
        domain=domain,
        licence="",
        note="",
    )


def _held_out(domain: str) -> Task:
    """Prediction of masked tokens in English text of the domain, after training a head on general text."""
    text = _text(f"{domain}_held_out", "en", HELD_OUT[domain])
    return replace(
        text,
        title=f"Masked tokens of held-out text of the domain {domain}",
        scorer="masked_accuracy",
        train={},
        dev=text.train,
        test=text.train,
        trains_on=HEAD,
    )


def _corpora(splits: Mapping[str, str]) -> tuple[Task, ...]:
    return tuple(_text(f"{name}_{code}", code, split) for name, split in splits.items() for code in LANGUAGES)


CORPORA = _corpora(SPLITS)
TEXTS = tuple(map(_held_out, HELD_OUT))
TASK = Stage(tasks=("mnli",), training=replace(SHORT, learning_rate=2e-4))
MORE_TASKS = ("squad", "hellaswag")
"""Intermediate tasks of the twin beside MNLI."""
STAGES = {"mnli": TASK, **{name: replace(TASK, tasks=(name,)) for name in MORE_TASKS}}


def _adapt(domain: str, share: float = 1.0, languages: tuple[str, ...] = LANGUAGES) -> Stage:
    """Adaptation to a domain with a share of its tokens."""
    tokens = round(TOKENS * share / len(languages))
    training = replace(SHORT, learning_rate=2e-4, cap_tokens=tokens)
    return Stage(tasks=tuple(f"{domain}_{language}" for language in languages), training=training)


def _around(domain: str, task: str) -> Recipe:
    """Half of the adaptation on each side of a task, with different lines."""
    before, after = (_adapt(f"{domain}_{half}", 0.5) for half in ("start", "end"))
    return Recipe(name=f"{domain} around {task}", stages=(before, STAGES[task], after), factors={"domain": domain})


def _in_english(domain: str) -> Recipe:
    """Adaptation to English text of a domain alone, before MNLI."""
    stages = (_adapt(domain, languages=("en",)), TASK)
    return Recipe(name=f"English {domain} then mnli", stages=stages, factors={"domain": domain})


DOMAINS = ("bible", "news", "general")
TASKS = ("tatoeba", "ner", "pawsx")
"""The targets other than held-out text."""
TRAINED = ("ner", "pawsx")
"""Those whose training data can be compared with the text of a domain."""
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
    _around("news", "mnli"),
    _in_english("news"),
)


def _interactions(domain: str, order: str, task: str = "mnli") -> Iterator[Contrast]:
    """What adaptation and a task add together, for each target, and on a page of its own for each of its languages."""
    both = {"before": f"{domain} then {task}", "after": f"{task} then {domain}", "around": f"{domain} around {task}"}
    name, family = f"{domain} {order} {task}", "domain" if task == "mnli" else f"domain {task}"
    for each, suffix in ((("target",), ""), (("target", "language"), " languages")):
        options = {"family": f"{family}{suffix}", "targets": TASKS, "each": each}
        yield interaction(f"{name}{suffix and ','}{suffix}", both[order], domain, task, "baseline", **options)


def _placebo(name: str, recipe: str, reference: str) -> Contrast:
    """A difference over all targets that are tasks."""
    return difference(name, recipe, reference, family="placebo", targets=TASKS)


def _of_text(name: str, recipe: str, reference: str) -> Contrast:
    """A difference on the held-out text of each domain: what is learnt there, or forgotten."""
    targets = tuple(text.name for text in TEXTS)
    return difference(name, recipe, reference, family="held-out text", targets=targets, each=("target",))


def _of_distance(covariate: str) -> tuple[Contrast, ...]:
    """Slopes on a distance between the text of a domain and the target: of what adaptation adds to no task, and to
    MNLI."""
    unit = "1 % of the subwords" if covariate == "subword_distance" else "0.01 of the cosine"
    slope = Slope(axis="recipe", covariate=covariate, points=DOMAINS, unit=unit)
    options = {"family": "distance", "targets": TRAINED, "slope": slope}
    return (
        difference(f"adaptation per {covariate}", EACH, "baseline", **options),
        interaction(f"interaction with mnli per {covariate}", "* then mnli", EACH, "mnli", "baseline", **options),
    )


CONTRASTS = (
    *(contrast for domain in DOMAINS for order in ("before", "after") for contrast in _interactions(domain, order)),
    *(_placebo(f"{domain} - general text, before mnli", f"{domain} then mnli", "general then mnli") for domain in SETS),
    _placebo("four languages - English, news", "news then mnli", "English news then mnli"),
    _placebo("around - before, news", "news around mnli", "news then mnli"),
    *(_of_text(f"{recipe} - no adaptation", recipe, "baseline") for recipe in (*DOMAINS, "mnli")),
    *(_of_text(f"{domain} - general text", domain, "general") for domain in SETS),
    *(_of_text(f"mnli after {domain} - {domain}", f"{domain} then mnli", domain) for domain in DOMAINS),
    *(contrast for covariate in DISTANCES for contrast in _of_distance(covariate)),
)

CAVEATS = (
    "The heads of held-out text train on general text, which favours adaptation to general text there. A slope on "
    "distance has six points, three domains and two targets, so that only a steep one is found."
)
ONE_TASK = (
    "MNLI is the only intermediate task here, so that the run takes minutes on two cores; `questions/domain-xl` also "
    "has SQuAD and HellaSwag."
)
SMALL_LAYERS, LARGE_LAYERS = 6, 24
"""Layers of the two encoders, which are all frozen for held-out text."""
HEAD_RATE = 1e-3
"""Learning rate of a new head on a frozen encoder."""
TRAINING = replace(SHORT, learning_rate=2e-4, cap_tokens=12_000, cap_examples=250)
"""Of targets. The predictors of transfer read `cap_examples`, too."""
SPACE = Space(
    name="questions/domain",
    title="Domain adaptation before, after and around an intermediate task",
    models=(Model(name="mini-xlmr", id="mini-xlmr"),),
    recipes=RECIPES,
    targets=(
        Target(task="tatoeba", training=SHORT, languages=("ar", "de", "hi", "ru", "zh")),
        Target(task="ner", training=TRAINING, languages=("de", "ru", "zh")),
        Target(task="pawsx", training=TRAINING, languages=("de", "zh")),
        *(
            Target(
                task=text.name,
                training=replace(TRAINING, learning_rate=HEAD_RATE, frozen_layers=SMALL_LAYERS),
                eval_cap=150,
            )
            for text in TEXTS
        ),
    ),
    tasks=(*CORPORA, *TEXTS, replace(_text(HEAD, "en", "train[2300:4300]"), train_size=2_000)),
    seeds=(1, 2),
    evaluate="dev",
    eval_cap=60,
    predictors=True,
    contrasts=CONTRASTS,
    note=f"{SMALL_NOTE} {CAVEATS} {ONE_TASK}",
)

GROWTH = 5
"""Factor on the tokens of adaptation: 40,000 in each of the three epochs. The smallest corpus, news in English, has
40,154 words, and therefore at least as many tokens of any encoder."""


LARGE_LONG = replace(LARGE, max_length=256)
"""The training on tasks with paragraphs."""


def _more_recipes(task: str) -> Iterator[Recipe]:
    """What the twin has beside the recipes of the small space, for one task."""
    existing = {recipe.name for recipe in RECIPES}
    names: dict[str, tuple[Stage, ...]] = {task: (STAGES[task],)}
    for domain in DOMAINS:
        names |= {f"{domain} then {task}": (_adapt(domain), STAGES[task])}
        names |= {f"{task} then {domain}": (STAGES[task], _adapt(domain))}
    for name, stages in names.items():
        if name not in existing:
            yield Recipe(name=name, stages=stages)
    yield from (_around(domain, task) for domain in DOMAINS if f"{domain} around {task}" not in existing)


def _more_contrasts() -> Iterator[Contrast]:
    """The interactions and placebos of the recipes of the twin."""
    for domain in DOMAINS:
        yield from _interactions(domain, "around")
        for task, order in product(MORE_TASKS, ("before", "after", "around")):
            yield from _interactions(domain, order, task)
    for domain, task in product(SETS, MORE_TASKS):
        yield _placebo(f"{domain} - general text, before {task}", f"{domain} then {task}", f"general then {task}")
    for domain, task in product(DOMAINS, STAGES):
        if (domain, task) != ("news", "mnli"):
            yield _placebo(f"around - before, {domain}, {task}", f"{domain} around {task}", f"{domain} then {task}")
    for domain in ENGLISH_TOO:
        yield _placebo(f"four languages - English, {domain}", f"{domain} then mnli", f"English {domain} then mnli")


ENGLISH_TOO = ("bible", "general")
"""Domains that only the twin has in English alone, too."""


def _large(stage: Stage) -> Stage:
    tokens = stage.training.cap_tokens
    if stage.tasks[0] in STAGES:
        return replace(stage, training=LARGE if stage.tasks == TASK.tasks else LARGE_LONG)
    return replace(stage, training=replace(LARGE, cap_tokens=GROWTH * tokens if tokens else None))


def _with_frozen_layers(target: Target) -> Target:
    """A target whose training leaves the large encoder as it is, if it does so with the small one."""
    if target.task in TASKS:
        return target
    return replace(target, training=replace(LARGE, learning_rate=HEAD_RATE, frozen_layers=LARGE_LAYERS))


_XL = on_cluster(
    replace(
        SPACE,
        recipes=(
            *RECIPES,
            *(recipe for task in STAGES for recipe in _more_recipes(task)),
            *map(_in_english, ENGLISH_TOO),
        ),
        tasks=(*SPACE.tasks, *_corpora(LARGE_HALVES)),
        contrasts=(*CONTRASTS, *_more_contrasts()),
        note=f"{SMALL_NOTE} {CAVEATS}",
    ),
    _large,
    LARGE,
)
XL = replace(_XL, targets=tuple(map(_with_frozen_layers, _XL.targets)))
