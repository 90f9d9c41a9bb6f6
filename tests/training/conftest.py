"""Fixtures for stages on the synthetic world: body, reader, stream and context, without a ledger."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from sweeper.data.source import Sources
from sweeper.data.tokenizer import load_tokenizer
from sweeper.files.folder import Folder
from sweeper.training.batches import Stream
from sweeper.training.checkpoints import Checkpoints
from sweeper.training.loop import StageContext
from sweeper.training.model import load_body
from sweeper.training.runtime import Clock, set_up
from sweeper.training.stage import DataReader, make_schedule
from tests.worlds import BY_NAME, stage

CPU = torch.device("cpu")


def no_device_memory() -> None:
    raise torch.OutOfMemoryError("out of memory, tried to allocate a lot")


def no_main_memory() -> None:
    """torch raises a plain RuntimeError."""
    torch.empty(2**60)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    set_up(1)


@pytest.fixture(scope="session")
def encoder(demo_world: Path) -> str:
    return str(demo_world / "models" / "demo" / "tiny")


@pytest.fixture
def body(encoder: str) -> Callable[[], nn.Module]:
    return lambda: load_body(encoder)


@pytest.fixture(scope="session")
def reader(demo_world: Path, shared_cache: Path, encoder: str) -> DataReader:
    sources = Sources(mirror=demo_world, cache=shared_cache)
    return DataReader(tasks=BY_NAME, sources=sources, tokenizer=load_tokenizer(encoder))


@pytest.fixture
def stream(reader: DataReader) -> Callable[[str], Stream]:
    """Task -> the stream of its 24 training examples."""
    return lambda task: make_schedule(stage(task), reader).streams[0]


@pytest.fixture
def messages() -> list[str]:
    return []


@pytest.fixture
def context(tmp_path: Path, messages: list[str]) -> StageContext:
    """The context of a training that writes a checkpoint at every opportunity."""
    checkpoints = Checkpoints(folder=Folder(str(tmp_path / "checkpoints")), name="one.pt", interval=0.0)
    return StageContext(device=CPU, clock=Clock(), checkpoints=checkpoints, notify=messages.append)
