"""`python -m sweeper.world.ship RUN`: the encoder that a run of `demo_encoder` made, as it ships."""

import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from sweeper.world.encoder import SHIPPED, TORCH, WEIGHTS


def ship(run: Path, target: Path) -> None:
    """Write the run's only encoder to `target`, as float16: half the size, and rounding far below training noise.

    Raises SystemExit if the run holds none, or more than one.
    """
    found = sorted(run.glob(f"encoders/*/{WEIGHTS}"))
    if len(found) != 1:
        raise SystemExit(
            f"A run of demo_encoder holds one encoder, {run} holds {len(found)}: run demo_encoder into a new folder."
        )
    weights = {name: array.astype(np.float16) for name, array in load_file(found[0]).items()}
    save_file(weights, target, metadata=TORCH)


if __name__ == "__main__":
    ship(Path(sys.argv[1]), Path(__file__).parent / SHIPPED)
