"""The protocol of a run in sentences, derived from its space. Tests compare each sentence with the planned trials."""

from collections.abc import Iterator
from typing import NamedTuple

from sweeper.scoring.scorers import SCORERS
from sweeper.space import SEARCH_SEED, Space, Stage, Training, tasks_of
from sweeper.space.dials import Dials


def target_sentence(space: Space) -> str:
    """What happens to the encoder of a recipe on a target."""
    trained = [target for target in space.targets if space.num_trained(target)]
    sentence = "Each column is a **target**: a task on which the prepared encoder is trained in English"
    before = [target.task for target in space.targets if target.before]
    if before:
        sentence += f" (after further stages for {listed(before)})"
    untrained = [target.task for target in space.targets if target not in trained]
    if untrained:
        sentence += f", or not at all ({listed(untrained)})"
    return f"{sentence}, and scored in each of its languages."


def gain_sentence(space: Space, reference: str) -> str:
    """The definition of a gain. `reference` is the recipe in words."""
    losses = [t.task for t in space.targets if not SCORERS[space.task(t.task).scorer].higher_is_better]
    reversed_sign = f" On {listed(losses)}, where a lower score is better, the sign is reversed." if losses else ""
    return f"A **gain** is the score of a recipe minus the score of {reference} with the same seed.{reversed_sign}"


def search_sentence(space: Space) -> str:
    """The settings of the search for dials."""
    search = space.search
    if not has_dials(space):
        return "none, because no stage and no target has dials"
    if search.sampler == "grid":
        grid = "sampler grid: every combination of the listed values, each once"
        return f"scope `{search.scope}`, {grid}{_rungs_clause(space)}{_race_clause(space)}"
    plural = "s" if search.trials != 1 else ""
    automatic = " (Gaussian process for continuous dials, TPE for others)" if search.sampler == "auto" else ""
    sampler = f"sampler {search.sampler}{automatic}"
    clauses = f"{_prior_clause(space)}{_rungs_clause(space)}{_race_clause(space)}"
    return f"scope `{search.scope}`, {search.trials} trial{plural} per study, {sampler}{clauses}"


def _prior_clause(space: Space) -> str:
    """The studies that start from the results of others; "" if none does."""
    if not space.first_wave:
        return ""
    num = space.search.num_trials({}, has_prior=True)
    wave = listed(list(space.first_wave))
    return f"; the studies of other cells than those of {wave} start from the trials of {wave}, and have {num} each"


def _race_clause(space: Space) -> str:
    """The race of a study; "" without one."""
    race, seeds = space.search.race, space.search.race_seeds
    return f"; a race of the best {race} dials with {len(seeds)} further seed{'s' * (len(seeds) > 1)}" if race else ""


def _rungs_clause(space: Space) -> str:
    """The rungs of a study; "" without any."""
    shares = [f"{100 * rung:g} %" for rung in space.search.rungs]
    return f"; the better half of the dials continues after {listed(shares)} of the steps" if shares else ""


def selection_sentences(space: Space) -> Iterator[str]:
    """How dials are chosen, on which data, and what replicates train on."""
    if has_dials(space):
        yield from _scope_sentences(space)
        yield (
            f"The search trials have seed {SEARCH_SEED}, which is no replicate seed. Their values are measured on "
            "English selection data only, even if a stage trains in other languages."
        )
    if has_dials(space) and space.search.rungs:
        yield (
            "A search trial ends early unless its dials are among the better half after each rung (see the search). "
            "The dials are chosen among those that were trained to the end."
        )
    if has_dials(space) and space.search.race:
        seeds = listed([str(seed) for seed in space.search.race_seeds])
        yield (
            f"After the search, the best {space.search.race} dials of each study run a race: they are trained on the "
            f"same data with the seeds {seeds}, which are no replicate seeds. The dials with the highest mean value "
            "over these seeds are chosen."
        )
    yield from _data_sentences(space)
    yield from _replicate_sentences(space)
    yield from _weights_sentences(space)


def _scope_sentences(space: Space) -> Iterator[str]:
    stages = " The dials of a stage are searched for each recipe." if _stages_have_dials(space) else ""
    if space.search.scope == "cell":
        yield f"The search scope is `cell`: the dials of each cell are searched separately.{stages}"
    else:
        yield (
            "The search scope is `target`: the dials of a target are searched with the baseline and used for all "
            f"recipes. This favours the baseline, because other recipes may need other dials.{stages}"
        )


def _data_sentences(space: Space) -> Iterator[str]:
    on_dev = selected_on_dev(space)
    if sets_aside(space):
        yield (
            f"Selection data are training examples that are set aside: {100 * space.search.share:g} % of each data "
            f"set, but at most {space.search.cap:,} examples, chosen by hashes of their ids."
        )
    if on_dev:
        yield f"The selection data of {listed(on_dev)} are the English dev split, which is not reported."
    without = [name for name in _trained_tasks(space) if "en" not in space.task(name).train]
    if without:
        yield f"Without English training data, there are no selection data for {listed(without)}."


def _replicate_sentences(space: Space) -> Iterator[str]:
    dials = " with the chosen dials" if has_dials(space) else ""
    if not sets_aside(space):
        yield f"Replicates are trained{dials}."
    elif space.search.refit:
        yield (
            f"Replicates are trained{dials} on all examples, those that are set aside included (`Search.refit`). Where "
            "examples are set aside, they have no selection value."
        )
    else:
        yield f"Replicates are trained{dials}{',' if dials else ''} without the examples that are set aside."


def _weights_sentences(space: Space) -> Iterator[str]:
    best = [trained.owner for trained in trainings(space) if trained.training.keep == "best"]
    if best:
        yield (
            f"The trainings of {listed(list(dict.fromkeys(best)))} keep the weights with the highest selection value "
            'of their evaluations (`keep = "best"`), on the same English selection data.'
        )
    averaged = [trained.owner for trained in trainings(space) if trained.training.average]
    if averaged:
        yield f"The trainings of {listed(list(dict.fromkeys(averaged)))} average the weights of their last steps."


class Trained(NamedTuple):
    """A training: a stage, or a target."""

    owner: str
    """The recipe or target."""
    training: Training
    dials: Dials
    stage: Stage | None = None
    model: str = ""
    """Its model, if that has options of its own."""


def trainings(space: Space) -> Iterator[Trained]:
    """The trainings of each recipe and target with each model."""
    for model in space.models:
        own, name = space.for_model(model), model.name if model.has_overrides else ""
        for recipe in own.recipes:
            yield from (Trained(recipe.name, stage.training, stage.dials, stage, name) for stage in recipe.stages)
        for target in own.targets:
            yield from (Trained(target.task, stage.training, stage.dials, stage, name) for stage in target.before)
            if space.task(target.task).training_task:
                yield Trained(target.task, target.training, target.dials, model=name)


def retrieval_sentence(space: Space) -> str:
    """What is scored on the targets without a training of their own."""
    untrained = [target for target in space.targets if not space.task(target.task).training_task]
    staged = [target.task for target in untrained if target.before]
    sentence = "Retrieval targets without training data score the encoder as it is"
    sentence += f" ({listed(staged)}: after further stages)." if staged else "."
    if len(staged) < len(untrained):
        sentence += " The pretrained encoder has one score there, which depends on no seed."
    return sentence


def has_draws(space: Space) -> bool:
    """Whether the seeds decide which data are read."""
    names = (*_trained_tasks(space), *(target.task for target in space.targets))
    return any(space.task(name).is_drawn for name in names)


def selected_on_dev(space: Space) -> list[str]:
    """The tasks of the targets whose selection data are a separate dev split."""
    tasks = dict.fromkeys(space.task(target.task).training_task for target in space.targets)
    return [name for name in tasks if name and space.selects_on_dev(name)]


def sets_aside(space: Space) -> bool:
    """Whether any search trial or replicate sets training examples aside: in every stage, and in other targets."""
    targets = {space.task(target.task).training_task for target in space.targets} - {""}
    return bool(_staged_tasks(space)) or bool(targets - set(selected_on_dev(space)))


def _staged_tasks(space: Space) -> tuple[str, ...]:
    return tasks_of(space.stages, masked=False)


def _trained_tasks(space: Space) -> tuple[str, ...]:
    targets = (space.task(target.task).training_task for target in space.targets)
    return tuple(dict.fromkeys(name for name in (*_staged_tasks(space), *targets) if name))


def has_dials(space: Space) -> bool:
    """Whether any stage or target has dials to search."""
    spaces = [space.for_model(model) for model in space.models]
    targets = [target for own in spaces for target in own.targets]
    in_targets = any(target.dials or any(stage.dials for stage in target.before) for target in targets)
    return in_targets or _stages_have_dials(space)


def _stages_have_dials(space: Space) -> bool:
    spaces = [space.for_model(model) for model in space.models]
    return any(stage.dials for own in spaces for recipe in own.recipes for stage in recipe.stages)


def listed(names: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
