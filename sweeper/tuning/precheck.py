"""Quick checks of a run, before heavy libraries are loaded, data are read, a world is generated or Ray starts."""

from sweeper.data.places import mirror_folder
from sweeper.errors import UserError
from sweeper.files.folder import Folder
from sweeper.files.probe import check_reachable, check_writable
from sweeper.plan.specs import check_world
from sweeper.run.cache import open_cache
from sweeper.run.run import Run
from sweeper.space import Space
from sweeper.tuning.machines import can_have_gpu, check_cluster, check_gpus
from sweeper.tuning.options import Options


def check_run(space: Space, options: Options) -> None:
    """Raise UserError or MachineError for mistakes and failures that would otherwise be found after minutes."""
    run, store = Run.at(options.run), Folder(options.store or options.run)
    check_reachable(options.run)
    run.check_space(space)
    if options.mirror is not None:
        mirror_folder(options.mirror)
    elif space.world:
        check_world(space)
    if "://" in (options.cache or ""):
        raise UserError(f"The cache is a local folder of each machine, got --cache {options.cache}.")
    _check_machines(space, options)
    check_writable(options.run, "run folder")
    if store.url != options.run:
        check_writable(store.url, "store")
    check_writable(str(open_cache(options.cache or run.default_cache())), "cache")


def _check_machines(space: Space, options: Options) -> None:
    needed = options.resources.largest(space.models).gpus
    if not options.workers.is_local:
        check_cluster(options.workers.address)
    elif not can_have_gpu():
        check_gpus(needed, 0)
