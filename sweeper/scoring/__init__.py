"""Metrics in plain Python and numpy, equal to the scorer of the XTREME benchmark including its quirks."""
