"""`python -m sweeper.world.ship RUN [FILE]`: copies the encoder of a `demo_encoder` run into this package."""

import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from sweeper.run.run import Run
from sweeper.world.encoder import TORCH, WEIGHTS
from sweeper.world.vocabulary import SHIPPED


def ship(run: Path, target: Path) -> None:
    """Write the encoder of a run folder to the file `target` as float16.

    That halves the size, and the rounding is far below the noise of a training. Raises SystemExit if the run has no
    encoder, or more than one, and UserError if `run` is not a run folder.
    """
    store = Run.open(str(run)).store
    keys = store.keys()
    if len(keys) != 1:
        raise SystemExit(
            f"A run of demo_encoder has one encoder, but {run} has {len(keys)}: run demo_encoder into a new folder."
        )
    weights = {name: array.astype(np.float16) for name, array in load_file(store.fetch(keys[0]) / WEIGHTS).items()}
    save_file(weights, target, metadata=TORCH)


if __name__ == "__main__":
    ship(Path(sys.argv[1]), Path(__file__).parent / (*sys.argv[2:], SHIPPED)[0])
