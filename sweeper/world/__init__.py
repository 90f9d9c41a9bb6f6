"""Synthetic worlds: generated languages and tasks whose transfer gains are planted. Imports no other module."""
