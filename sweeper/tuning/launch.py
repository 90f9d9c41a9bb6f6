"""Run an agenda with Ray: one Tuner for the whole sweep, and actors that are reused from trial to trial."""

import logging
from pathlib import Path

from ray import tune

from sweeper.files.leftovers import locked_folder
from sweeper.run.site import Site
from sweeper.tuning.actor import TrialActor, kept_traceback
from sweeper.tuning.agenda import Agenda
from sweeper.tuning.callbacks import ActorCallback, FollowCallback
from sweeper.tuning.connect import connected
from sweeper.tuning.credentials import credentials, unlogged_credentials
from sweeper.tuning.follow import following
from sweeper.tuning.halt import Halt
from sweeper.tuning.options import Workers
from sweeper.tuning.packed import placement
from sweeper.tuning.searcher import AgendaSearcher, LaunchResult
from sweeper.tuning.shares import Shares
from sweeper.tuning.watch import Watch

logger = logging.getLogger(__name__)


def launch(agenda: Agenda, site: Site, workers: Workers, watch: Watch, halt: Halt, shares: Shares) -> LaunchResult:
    """Run all trials of an agenda with one Tuner, until none is left or a stop is requested.

    Raises MachineError if the cluster cannot be reached or Ray does not start, and UserError if a trial needs more GPUs
    than this machine has.
    """
    largest = agenda.specs.resources.largest(agenda.plan.space.models)
    ledger = site.open_ledger()
    # The follower ends after the workers, and then removes the files of those that were stopped.
    with (
        locked_folder("sweeper-ray-") as scratch,
        following(site.open_progress()) as follower,
        connected(workers, largest, halt) as available,
    ):
        room = workers.room(available)
        logger.info("Ray has %s; %s", available, room)
        searcher = AgendaSearcher(agenda, ledger, watch, room, halt, shares)
        try:
            callbacks = [ActorCallback(searcher), FollowCallback(searcher, follower)]
            with unlogged_credentials():
                _tuner(searcher, site, scratch, callbacks).fit()
        except Exception as error:  # noqa: BLE001  Tune's traceback tells the user nothing, and the ledger is safe
            if not halt.requested:  # the signal may have ended Ray
                searcher.fatal = f"{type(error).__name__}: {error}{kept_traceback(ledger, 'driver')}"
    return searcher.result()


def _tuner(searcher: AgendaSearcher, site: Site, scratch: Path, callbacks: list[tune.Callback]) -> tune.Tuner:
    actor = tune.with_parameters(TrialActor, site=vars(site), keys=credentials())
    return tune.Tuner(
        tune.with_resources(actor, placement),
        # -1: until the searcher answers FINISHED. A new actor would cost a second or more per trial.
        tune_config=tune.TuneConfig(search_alg=searcher, num_samples=-1, reuse_actors=True),
        run_config=tune.RunConfig(
            name="sweep",
            storage_path=str(scratch.resolve()),
            verbose=0,
            # The searcher suggests a trial again if its actor dies.
            failure_config=tune.FailureConfig(max_failures=0),
            # A trial writes its own checkpoints. The default of Tune is one more call of the actor after each trial.
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            callbacks=callbacks,
        ),
    )
