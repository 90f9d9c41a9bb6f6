"""Synthetic worlds: generated languages and tasks whose transfer gains are planted. Importing this loads nothing."""
