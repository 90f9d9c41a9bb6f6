"""Figures of results. No other module of the package imports matplotlib."""
