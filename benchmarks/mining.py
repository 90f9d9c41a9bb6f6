"""Time and memory of mining translation pairs among many sentences, beside what the arithmetic alone takes.

    python benchmarks/mining.py [--sentences 20000] [--width 1024] [--search numpy|faiss|gpu] [--mean-cosine 0]

Two pools of random unit vectors; half of the source sentences have a partner on the other side, itself plus as much
noise: a cosine of about 0.7. `--mean-cosine 0.99` adds one direction to all, as in the raw means of an encoder, whose
vectors lie so close together that float32 cannot tell the nearest: what it takes to rank those exactly is seen then.
What is measured is `sweeper.scoring.mining.mine` (k = 4, both directions, one-to-one matching). The ideal beside it:
the memory of the vectors alone (both pools, float32), and the time of the two bare matrix products in the same blocks,
nothing kept. On a busy machine read the processors' seconds. Each search runs in a process of its own, so that its peak
memory is its own; the peak before mining (interpreter, libraries, vectors and how they were made) is told apart.
"""

import argparse
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import TypeVar

import numpy as np

from sweeper.scoring import nearest
from sweeper.scoring.mining import mine

T = TypeVar("T")


def on_gpu() -> nearest.Search | None:
    """The first GPU's search; None where there is no GPU."""
    import torch  # noqa: PLC0415 - its memory is no business of the other searches

    from sweeper.training.nearest import search_on  # noqa: PLC0415 - it imports torch

    return search_on(torch.device("cuda", 0)) if torch.cuda.is_available() else None


SEARCHES: dict[str, Callable[[], nearest.Search | None]] = {
    "numpy": lambda: nearest.NumpyIndex,
    "faiss": lambda: nearest.FaissIndex,
    "gpu": on_gpu,
}


def pools(count: int, width: int, mean_cosine: float) -> tuple[nearest.Array, nearest.Array]:
    """Source and target vectors; the first half of the sources have the last targets, in order, for partners."""
    draw = np.random.default_rng(0)
    source, target = (draw.standard_normal((count, width), dtype=np.float32) for _ in range(2))
    partners = target[count - count // 2 :]
    partners += source[: count // 2]
    partners /= np.float32(2**0.5)
    shared = draw.standard_normal(width, dtype=np.float32) * np.float32((mean_cosine / (1 - mean_cosine)) ** 0.5)
    source += shared
    target += shared
    return nearest.unit_vectors(source), nearest.unit_vectors(target)


def peak() -> float:
    """Largest resident size of this process so far, MiB."""
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size / 2**20 if sys.platform == "darwin" else size / 2**10


def timed(work: Callable[[], T]) -> tuple[T, list[float]]:
    """What the work gives, its seconds on the clock and of all processors together."""
    begin, used = time.perf_counter(), time.process_time()
    found = work()
    return found, [time.perf_counter() - begin, time.process_time() - used]


def bare_products(source: nearest.Array, target: nearest.Array) -> None:
    """Both directions' matrix products alone, in the blocks that a search takes."""
    for queries, pool in ((source, target), (target, source)):
        step = max(1, nearest.BLOCK // len(pool))
        for first in range(0, len(queries), step):
            queries[first : first + step] @ pool.T


def measure(search: str, count: int, width: int, mean_cosine: float) -> list[str]:
    """One row of the table."""
    source, target = pools(count, width, mean_cosine)
    searched_by = SEARCHES[search]()
    if searched_by is None:
        sys.exit("There is no GPU to search on.")
    _, ideal = timed(lambda: bare_products(source, target))
    before = peak()
    pairs, mining = timed(lambda: mine(source, target, search=searched_by))
    half = count // 2
    right = sum(b == a + count - half for a, b, _ in pairs[:half])
    vectors = (source.nbytes + target.nbytes) / 2**20
    numbers = (*mining, *ideal, peak(), before, vectors)
    return [search, f"{right} of {half}", *(f"{number:.0f}" for number in numbers)]


HEAD = (
    "search",
    "planted pairs found",
    "mining s",
    "CPU s",
    "bare products s",
    "CPU s",
    "MiB at the peak",
    "MiB before",
    "vectors alone MiB",
)


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--sentences", type=int, default=20_000)
    reader.add_argument("--width", type=int, default=1024)
    reader.add_argument("--search", choices=SEARCHES)
    reader.add_argument("--mean-cosine", type=float, default=0.0, help="of any two vectors; 0 to below 1")
    asked = reader.parse_args()
    if not 0 <= asked.mean_cosine < 1:
        reader.error(f"--mean-cosine needs 0 <= value < 1, got {asked.mean_cosine:g}.")
    if asked.search:
        print("\t".join(measure(asked.search, asked.sentences, asked.width, asked.mean_cosine)))
        return
    print(
        f"{asked.sentences:,} x {asked.sentences:,} sentences of {asked.width} dimensions, mean cosine "
        f"{asked.mean_cosine:g}; {platform.node()}, "
        f"{platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}, "
        f"{datetime.now(UTC):%Y-%m-%d}; blocks of {nearest.BLOCK:,} similarities"
    )
    rows = [list(HEAD)]
    for name in SEARCHES:
        if name == "faiss" and not find_spec("faiss"):
            print("faiss is not installed: numpy alone")
            continue
        if name == "gpu" and on_gpu() is None:
            print("no GPU")
            continue
        options = ["--sentences", str(asked.sentences), "--width", str(asked.width), "--search", name]
        options += ["--mean-cosine", str(asked.mean_cosine)]
        done = subprocess.run([sys.executable, __file__, *options], capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr)
        rows.append(done.stdout.rstrip("\n").split("\t"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    for row in rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))


if __name__ == "__main__":
    main()
