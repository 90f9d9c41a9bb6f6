"""Measures the types of trials of a space on a cluster (`sweeper pace --address`): on one node of each type."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from sweeper.errors import ExitCode, MachineError, SweeperError, UserError
from sweeper.files.folder import Folder, expand_path
from sweeper.plan.measurement import Measurement
from sweeper.run.cache import cache_here
from sweeper.run.run import Run
from sweeper.space import Resources, Space
from sweeper.tuning.connect import join
from sweeper.tuning.credentials import credentials, use_credentials
from sweeper.tuning.measure import measure
from sweeper.tuning.options import Options, Workers

ACCELERATOR = "accelerator_type:"
"""Prefix of the resource with which Ray names the type of the GPUs of a node."""
ANY_NODE = ""
"""Name of the type of a node that Ray chooses, because no running node has the resources of a trial."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An error of a node, as plain values."""

    reason: str
    is_of_user: bool
    """Whether the user must correct something."""

    def error(self) -> SweeperError:
        """The error that the driver raises."""
        return UserError(self.reason) if self.is_of_user else MachineError(self.reason)


def measure_nodes(space: Space, options: Options, minutes: float) -> Iterator[tuple[str, str | Measurement]]:
    """Measure the space on one node of each type that has the resources of a trial, at the same time.

    Yields the name of a type of node with a message for people or with the measurement so far, as `measure` does. The
    first events are messages about each type, in the order of their number of nodes. Without such a node, the
    measurement waits until the cluster has started one. Raises MachineError if the cluster cannot be reached, and after
    all nodes the first error of one of them.
    """
    was_connected = ray.is_initialized()
    if not was_connected:
        join(options.workers.address)
    try:
        needed = options.resources.largest(space.models).alone
        types = node_types(ray.nodes(), needed)  # type: ignore[no-untyped-call]
        if not types:
            yield ANY_NODE, f"No node has {_text(needed.cpus, needed.gpus)}: waiting until the cluster has started one."
        for name, same in types.items():
            yield name, f"one of {len(same)} such nodes is measured."
        keys = ray.put(credentials())
        first = {name: same[0] for name, same in types.items()} or {ANY_NODE: ANY_NODE}
        arguments = (space, _for_nodes(options), minutes, keys)
        yield from _events({name: _start(node, needed, arguments) for name, node in first.items()})
    finally:
        if not was_connected:
            ray.shutdown()


def node_types(nodes: Sequence[Mapping[str, Any]], needed: Resources) -> dict[str, list[str]]:
    """Name of each type of node with these resources -> the ids of its nodes that are alive; the most frequent first.

    Nodes of one type have equal numbers of CPUs and GPUs, and GPUs of one type.
    """
    types: dict[str, list[str]] = defaultdict(list)
    for node in nodes:
        cpus, gpus = (node["Resources"].get(name, 0.0) for name in ("CPU", "GPU"))
        names = [name.removeprefix(ACCELERATOR) for name in node["Resources"] if name.startswith(ACCELERATOR)]
        if node["Alive"] and cpus >= needed.cpus and gpus >= needed.gpus:
            types[_text(cpus, gpus, *names[:1])].append(node["NodeID"])
    return dict(sorted(types.items(), key=lambda item: -len(item[1])))


def _text(cpus: float, gpus: float, gpu: str = "GPU") -> str:
    return f"{cpus:g} CPUs" + (f" and {gpus:g} {gpu}" if gpus else "")


def _for_nodes(options: Options) -> Options:
    """The options with absolute paths, because a process of Ray has a working directory of its own."""
    folder = Folder(options.run).local
    run = str(folder or options.run)
    return replace(
        options,
        run=run,
        cache=options.cache or Run.at(run).default_cache(),
        mirror=str(expand_path(options.mirror).absolute()) if options.mirror else None,
        workers=Workers(),
        trackers=(),
    )


def _start(node: str, needed: Resources, arguments: tuple[Any, ...]) -> "ray.ObjectRefGenerator":
    """Start `_measure_here` on a node, or on any node with the resources."""
    strategy = NodeAffinitySchedulingStrategy(node, soft=False) if node != ANY_NODE else "DEFAULT"
    task = ray.remote(num_cpus=needed.cpus, num_gpus=needed.gpus, max_retries=0)(_measure_here)
    stream: ray.ObjectRefGenerator = task.options(scheduling_strategy=strategy, num_returns="streaming").remote(
        *arguments
    )
    return stream


def _measure_here(
    space: Space, options: Options, minutes: float, keys: Mapping[str, str]
) -> Iterator[str | Measurement | Failure]:
    """Measure on this node, whose cache can have a path of its own."""
    use_credentials(keys)
    try:
        yield from measure(space, replace(options, cache=cache_here(str(options.cache))), minutes)
    except SweeperError as error:  # some errors of the sweeper cannot be pickled
        yield Failure(reason=str(error), is_of_user=error.exit_code == ExitCode.USER_ERROR)


def _events(streams: "Mapping[str, ray.ObjectRefGenerator]") -> Iterator[tuple[str, str | Measurement]]:
    """The events of all nodes as they come. Raises the first failure when all have ended."""
    left, failures = dict(streams), []
    while left:
        ready: Any = ray.wait(list(left.values()), num_returns=1)[0]
        name = next(name for name, stream in left.items() if stream is ready[0])
        try:
            event: Any = ray.get(next(left[name]))
        except StopIteration:
            del left[name]
            continue
        except ray.exceptions.RayError as error:
            del left[name]
            reason = f"The measurement on a node with {name or 'these resources'} has ended early. Ray: {error}"
            event = Failure(reason=reason, is_of_user=False)
        if isinstance(event, Failure):
            failures.append(event)
        else:
            yield name, event
    if failures:
        raise failures[0].error()
