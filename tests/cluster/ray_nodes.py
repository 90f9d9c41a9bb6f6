"""Ray clusters of several nodes on this machine, for sweeps that other processes run on them."""

import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import ray
from ray._private.node import Node
from ray._private.state import state
from ray._raylet import GcsClient
from ray.cluster_utils import Cluster
from ray.core.generated.autoscaler_pb2 import DrainNodeReason

from sweeper.records.progress import TrialProgress
from sweeper.run.run import Run
from sweeper.tuning.connect import QUIET
from tests.buckets import CLIENT
from tests.runs import ROOT

SMALL = {"object_store_memory": 100 * 2**20, "include_dashboard": False}
SOON = {"RAY_gcs_rpc_server_reconnect_timeout_s": "10"}
"""The processes of Ray end ten seconds after their head instead of a minute."""


class Nodes:
    """A cluster whose head runs no trial. Each node has a cache of its own, and its name in the log of the bucket."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self._folder, self._env = folder, {**env, **SOON, "PYTHONPATH": str(ROOT)}
        self._cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "env_vars": self._env, **SMALL})

    @property
    def address(self) -> str:
        return str(self._cluster.address)

    def add(self, name: str, num_cpus: int = 1) -> Node:
        own = {"SWEEPER_NODE_CACHE": str(self._folder / name), CLIENT: name}
        return self._cluster.add_node(num_cpus=num_cpus, env_vars={**self._env, **own}, **SMALL)

    def drain(self, node: Node, seconds: float) -> None:
        """Tell Ray that the node ends after these seconds, as a cloud does."""
        deadline = int((time.time() + seconds) * 1000)
        reason = DrainNodeReason.Value("DRAIN_NODE_REASON_PREEMPTION")
        is_accepted, message = GcsClient(address=self.address).drain_node(node.node_id, reason, "test", deadline)
        assert is_accepted, message

    def end_of(self, node: Node) -> str:
        """`draining`, or what Ray says about the end of a node: one without a trial ends as soon as it is drained."""
        ray.init(address=self.address, **QUIET)
        try:
            if node.node_id in state.get_draining_nodes():
                return "draining"
            (described,) = [each for each in ray.nodes() if each["NodeID"] == node.node_id]
            return str(described.get("DeathReasonMessage", ""))
        finally:
            ray.shutdown()

    def pause_trial(self, node: Node, run: Run) -> TrialProgress | None:
        """Pause the worker of a trial that runs on the node, so that the trial cannot end. None if no trial runs."""
        for trial in run.progress.read_all():
            if _parent(trial.pid) == node.all_processes["raylet"][0].process.pid:
                os.kill(trial.pid, signal.SIGSTOP)
                if trial.key in {each.key for each in run.progress.read_all()}:
                    return trial
                os.kill(trial.pid, signal.SIGCONT)  # the trial has ended before the signal
        return None

    def kill(self, node: Node, paused: TrialProgress | None = None) -> None:
        """Kill the processes of a node, last the worker of a paused trial."""
        self._cluster.remove_node(node, allow_graceful=False)
        if paused:
            with suppress(ProcessLookupError):
                os.kill(paused.pid, signal.SIGKILL)

    def kill_head(self) -> None:
        self.kill(self._cluster.head_node)

    def shutdown(self) -> None:
        for node in self._cluster.list_all_nodes():
            self.kill(node)


def _parent(pid: int) -> int:
    """The parent of a process; 0 if it has ended."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except FileNotFoundError:
        return 0
