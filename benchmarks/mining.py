"""Time and memory of mining translation pairs among many sentences, compared with the bare arithmetic.

    python -m benchmarks.mining [--sentences 20000] [--width 1024] [--search numpy|faiss|gpu] [--mean-cosine 0]

The data are two pools of random unit vectors. Half of the source sentences have a partner in the other pool, which is
the same vector plus noise of equal size: a cosine of about 0.7. `--mean-cosine 0.99` adds one direction to all vectors.
They are then so close that float32 cannot order them, like mean vectors of an encoder, and the result shows the cost of
ranking them exactly.

The measured function is `sweeper.scoring.mining.mine` (k = 4, both directions, one-to-one matching). It is compared
with the memory of the vectors alone (both pools, float32) and with the time of the two matrix products in the same
blocks. On a busy machine use the CPU seconds. Each search runs in a separate process, so that the peak memory is its
own. The peak before mining (interpreter, libraries, vectors and their construction) is printed separately.
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
    """The search on the first GPU; None without a GPU."""
    import torch  # noqa: PLC0415 - the other searches must not include its memory

    from sweeper.training.nearest import search_on  # noqa: PLC0415 - it imports torch

    return search_on(torch.device("cuda", 0)) if torch.cuda.is_available() else None


SEARCHES: dict[str, Callable[[], nearest.Search | None]] = {
    "numpy": lambda: nearest.NumpyIndex,
    "faiss": lambda: nearest.FaissIndex,
    "gpu": on_gpu,
}


def pools(count: int, width: int, mean_cosine: float) -> tuple[nearest.Array, nearest.Array]:
    """Source and target vectors. The partners of the first half of the sources are the last targets, in order."""
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
    """Largest resident size of this process so far, in MiB."""
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size / 2**20 if sys.platform == "darwin" else size / 2**10


def timed(work: Callable[[], T]) -> tuple[T, list[float]]:
    """The result of the work, its elapsed seconds and its CPU seconds."""
    begin, used = time.perf_counter(), time.process_time()
    result = work()
    return result, [time.perf_counter() - begin, time.process_time() - used]


def bare_products(source: nearest.Array, target: nearest.Array) -> None:
    """The matrix products of both directions in the blocks of a search; the results are discarded."""
    for queries, pool in ((source, target), (target, source)):
        step = max(1, nearest.BLOCK // len(pool))
        for first in range(0, len(queries), step):
            queries[first : first + step] @ pool.T


def measure(search: str, count: int, width: int, mean_cosine: float) -> list[str]:
    """One row of the table."""
    source, target = pools(count, width, mean_cosine)
    back_end = SEARCHES[search]()
    if back_end is None:
        sys.exit("The search 'gpu' needs a GPU, and none is available.")
    _, ideal = timed(lambda: bare_products(source, target))
    before = peak()
    pairs, mining = timed(lambda: mine(source, target, search=back_end))
    half = count // 2
    num_correct = sum(b == a + count - half for a, b, _ in pairs[:half])
    vectors = (source.nbytes + target.nbytes) / 2**20
    numbers = (*mining, *ideal, peak(), before, vectors)
    return [search, f"{num_correct} of {half}", *(f"{number:.0f}" for number in numbers)]


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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=20_000)
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--search", choices=SEARCHES)
    parser.add_argument(
        "--mean-cosine", type=float, default=0.0, help="mean cosine of any two vectors, at least 0 and below 1"
    )
    arguments = parser.parse_args()
    if not 0 <= arguments.mean_cosine < 1:
        parser.error(f"--mean-cosine needs 0 <= value < 1, got {arguments.mean_cosine:g}.")
    if arguments.search:
        print("\t".join(measure(arguments.search, arguments.sentences, arguments.width, arguments.mean_cosine)))
        return
    print(
        f"{arguments.sentences:,} x {arguments.sentences:,} sentences of {arguments.width} dimensions, mean cosine "
        f"{arguments.mean_cosine:g}; {platform.node()}, "
        f"{platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}, "
        f"{datetime.now(UTC):%Y-%m-%d}; blocks of {nearest.BLOCK:,} similarities"
    )
    rows = [list(HEAD)]
    for name in SEARCHES:
        if name == "faiss" and not find_spec("faiss"):
            print("faiss is not installed; it is skipped.")
            continue
        if name == "gpu" and on_gpu() is None:
            print("No GPU is available; it is skipped.")
            continue
        options = ["--sentences", str(arguments.sentences), "--width", str(arguments.width), "--search", name]
        options += ["--mean-cosine", str(arguments.mean_cosine)]
        done = subprocess.run([sys.executable, __file__, *options], capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr)
        rows.append(done.stdout.rstrip("\n").split("\t"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    for row in rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))


if __name__ == "__main__":
    main()
