"""Metrics, equal to the XTREME benchmark's own scorer, quirks included. Plain Python and numpy."""
