"""Figures of results, the only modules that import matplotlib. They draw numbers and compute none."""
