"""Spaces that ship, one module each with SPACE."""
