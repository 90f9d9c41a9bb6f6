"""Contexts for the garbage collector: what they restore, and what they leave to it."""

import gc

import pyarrow
import pytest

from analysis.results.collector import frozen_objects, paused_collector, system_memory


class Node:
    """An object that can refer to itself."""


def test_the_collector_is_paused_and_runs_again_afterwards_also_after_an_error():
    with pytest.raises(ValueError), paused_collector():
        assert not gc.isenabled()
        raise ValueError
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off():
    gc.disable()
    try:
        with paused_collector():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_frozen_objects_are_not_visited_and_new_cycles_are_collected():
    with frozen_objects():
        assert gc.get_freeze_count()
        node = Node()
        node.itself = node
        number = id(node)
        del node
        gc.collect()
        assert not any(id(item) == number and isinstance(item, Node) for item in gc.get_objects())
    assert not gc.get_freeze_count()


def test_columns_use_the_memory_of_the_process_until_the_context_ends():
    before = pyarrow.default_memory_pool().backend_name
    with system_memory():
        assert pyarrow.default_memory_pool().backend_name == "system"
    assert pyarrow.default_memory_pool().backend_name == before
