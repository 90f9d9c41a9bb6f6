"""Synthetic worlds in place of the Hub: generated languages and tasks, in which it is decided what teaches what."""

from sweeper.data.synthetic.world import build, check_space, scale_of, world_folder

__all__ = ["build", "check_space", "scale_of", "world_folder"]
