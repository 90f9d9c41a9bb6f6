"""A Ray cluster of a head and several nodes, all of them processes of this machine."""

from collections.abc import Iterator
from contextlib import contextmanager

from ray.cluster_utils import Cluster

SMALL = {"object_store_memory": 100 * 2**20, "include_dashboard": False}


@contextmanager
def cluster_of(num_nodes: int, slots: int) -> Iterator[str]:
    """The address of a cluster whose nodes have these slots together. No trial runs on its head."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **SMALL})
    try:
        for number in range(num_nodes):
            cluster.add_node(num_cpus=slots // num_nodes + (number < slots % num_nodes), **SMALL)
        yield str(cluster.address)
    finally:
        cluster.shutdown()
