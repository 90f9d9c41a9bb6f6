"""Sweeps that fill a transfer matrix: which intermediate training helps which target, in which languages."""

__version__ = "0.1.0"
