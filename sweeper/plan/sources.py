"""The sources of a space: its mirror or synthetic world, its folder, and the paths in it that do not exist."""

from collections.abc import Iterator
from pathlib import Path

from sweeper.data.places import is_path, mirror_folder
from sweeper.data.source import Sources
from sweeper.data.translate.identity import model_id, portable_name
from sweeper.data.translate.recorded import Recorded
from sweeper.errors import UserError
from sweeper.plan.infer import own_tasks
from sweeper.plan.specs import check_world
from sweeper.space import FOLDER, Condition, Space
from sweeper.world.build import build
from sweeper.world.settings import world_folder


def mirror_of(space: Space, mirror: str | None, cache: Path) -> Path | None:
    """The mirror with that path, or else the synthetic world of the space, which is generated if it is missing.

    Raises UserError if the folder is not a mirror, or if the world does not have every encoder and draw that the space
    uses.
    """
    if mirror:
        return mirror_folder(mirror)
    if not space.world:
        return None
    check_world(space)
    folder = world_folder(space.world, cache / "worlds")
    build(space.world, folder)
    return folder


def sources_of(space: Space, mirror: Path | None, cache: Path) -> Sources:
    """The sources from which the driver resolves the names and paths of a space."""
    return Sources(mirror=mirror, cache=cache, base=Path(space.folder) if space.folder else None)


def missing_paths(space: Space, sources: Sources) -> tuple[str, ...]:
    """A message for each file and folder that the space names and that does not exist.

    Ids that can be on the Hub are no paths, and the tasks of the catalog are not checked.
    """
    missing = (_missing_data, _missing_models, _missing_translations, missing_word_pairs)
    return tuple(dict.fromkeys(message for find in missing for message in find(space, sources)))


def check_paths(space: Space, sources: Sources, *, needs_word_pairs: bool = True) -> None:
    """Raise UserError with all messages of `missing_paths`, if there are any.

    A plan does not need word pairs, which can be aligned later: their number changes no trial.
    """
    ignored = () if needs_word_pairs else tuple(missing_word_pairs(space, sources))
    problems = [message for message in missing_paths(space, sources) if message not in ignored]
    if problems:
        raise UserError("\n".join(problems))


def _missing_data(space: Space, sources: Sources) -> Iterator[str]:
    for task in own_tasks(space):
        drawn = task.drawn(space.seeds[0])
        for split in (drawn.train, drawn.dev, drawn.test):
            for rows in (rows for rows_list in split.values() for rows in rows_list):
                if is_path(rows.id) and sources.places.path("datasets", rows.id) is None:
                    yield f"Task {task.name!r}: {sources.missing_error(rows)}"


def _missing_models(space: Space, sources: Sources) -> Iterator[str]:
    for model in space.models:
        if is_path(model.id) and sources.places.path("models", model.id) is None:
            yield str(sources.places.no_model(model.id))


def _missing_translations(space: Space, sources: Sources) -> Iterator[str]:
    for translation in (stage.translation for stage in space.stages if stage.translation):
        name = portable_name(translation.by, translation.languages[0], sources)
        try:
            if name.startswith(FOLDER):
                _ = Recorded(Path(name.removeprefix(FOLDER))).files
        except UserError as error:
            yield str(error)
        for language in translation.languages:
            model = model_id(translation.by, language)
            is_model = not name.startswith(FOLDER) and is_path(model)
            if is_model and sources.places.path("models", model) is None:
                yield str(sources.places.no_model(model))


def conditions_of(space: Space) -> Iterator[Condition]:
    """The conditions of targets, and the perturbations of training examples."""
    for target in space.targets:
        yield from target.conditions
    yield from (stage.perturbation for stage in space.stages if stage.perturbation)


def missing_word_pairs(space: Space, sources: Sources) -> Iterator[str]:
    """A message for each condition whose file of word pairs does not exist."""
    for condition in conditions_of(space):
        path = sources.places.local(condition.by, Path.is_file)
        if condition.perturbation == "code_mix" and not path.is_file():
            yield (
                f"Condition {condition.name!r} needs the file of word pairs {path}, which does not exist. Write it, or "
                "align one: sweeper align SPACE --task tatoeba --out FILE."
            )
