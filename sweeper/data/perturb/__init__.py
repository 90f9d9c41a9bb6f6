"""Perturbed evaluation examples, for conditions of a target."""
