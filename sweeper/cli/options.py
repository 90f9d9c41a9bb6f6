"""The options of a run: typed, else kept in its folder, else environment variables, else defaults."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.cli.arguments import default_run, typed_values, variable_values

if TYPE_CHECKING:
    import typer

    from sweeper.data.source import Sources
    from sweeper.run.run import Run
    from sweeper.space import Space
    from sweeper.tuning.options import Options

PATHS = ("mirror", "store", "cache")
"""Options that an environment variable can set: SWEEPER_ and the name in capitals."""
SINGLE = (*PATHS, "checkpoint_every", "store_patience", "retry_failed")
WORKERS = {"workers": "num", "address": "address", "nice": "nice"}
RESOURCES = {"cpus_per_trial": "cpus", "gpus_per_trial": "gpus"}
"""Name of an option -> its field in the options of a run, in their workers, in their resources."""


def run_options(context: "typer.Context", space: "Space", kept: "Run | None") -> "tuple[Options, list[str]]":
    """The options of a run, and messages about those that were not typed. `kept` is the run folder that is resumed."""
    from sweeper.tuning.options import Options, kept_options

    typed = typed_values(context)
    options = kept_options(kept) if kept else Options(run=default_run(space))
    messages = list(_kept_message(options)) if kept else []
    if "run_folder" in typed:
        # A resumed run in another folder starts with a store and a cache of its own.
        options = replace(options, run=typed["run_folder"], store=None, cache=None)
    options = _with_typed(options, typed)
    if "tracker" in typed:
        options = replace(options, trackers=tuple(typed["tracker"]))
    variables = _effective(options, typed, variable_values(context), space, kept)
    messages += [f"{name.capitalize()}: {value} ({_variable(name)})" for name, value in variables.items()]
    return replace(options, **variables), messages


def sources_for(space: "Space", options: "Options") -> "Sources":
    """The data and models of a space, with the cache of its run: the run then reads what a command has prepared."""
    from sweeper.plan.sources import mirror_of, sources_of
    from sweeper.run.cache import open_cache
    from sweeper.run.run import Run

    cache = open_cache(options.cache or Run.at(options.run).default_cache())
    return sources_of(space, mirror_of(space, options.mirror, cache), cache)


def _with_typed(options: "Options", typed: Mapping[str, Any]) -> "Options":
    workers = {field: typed[name] for name, field in WORKERS.items() if name in typed}
    resources = {field: typed[name] for name, field in RESOURCES.items() if name in typed}
    if "address" in typed:
        # A kept nice level is one of a local Ray.
        workers.setdefault("nice", 0)
    return replace(
        options,
        workers=replace(options.workers, **workers),
        resources=replace(options.resources, **resources),
        **{name: typed[name] for name in SINGLE if name in typed},
    )


def _effective(
    options: "Options", typed: Mapping[str, Any], variables: Mapping[str, Any], space: "Space", kept: "Run | None"
) -> dict[str, Any]:
    """The environment variables that take effect.

    They do not change a run folder that is resumed, except for a kept mirror that this machine does not have.
    """
    if kept:
        is_missing = "mirror" not in typed and options.mirror is not None and not Path(options.mirror).is_dir()
        return {name: variables[name] for name in ("mirror",) if is_missing and name in variables}
    return {name: variables[name] for name in PATHS if name in variables and not (name == "mirror" and space.world)}


def _variable(name: str) -> str:
    return f"SWEEPER_{name.upper()}"


def _kept_message(options: "Options") -> Iterator[str]:
    """A message with the options that a run folder keeps and that differ from the defaults; nothing without any."""
    from sweeper.tuning.options import Options

    default = Options(run=options.run)
    values = {
        name: (getattr(options, name), getattr(default, name))
        for name in ("mirror", "checkpoint_every", "store_patience")
    }
    for names, part in ((WORKERS, "workers"), (RESOURCES, "resources")):
        given, usual = getattr(options, part), getattr(default, part)
        values |= {name: (getattr(given, field), getattr(usual, field)) for name, field in names.items()}
    words = [f"--{name.replace('_', '-')} {value}" for name, (value, usual) in values.items() if value != usual]
    words += [f"--tracker {name}" for name in options.trackers]
    if words:
        yield f"Kept options of {options.run}: {' '.join(words)}"
