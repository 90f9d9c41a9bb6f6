"""Signs that mark a cell or a column, the same in figures and tables."""

DAGGER = "†"
"""The recipe repeats the target's own training data."""
DOUBLE_DAGGER = "‡"
"""The dev and test split of the target are the same rows."""
STAR = "*"
"""The cell lacks languages that other cells of its column have."""
