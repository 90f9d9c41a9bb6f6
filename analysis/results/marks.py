"""Signs that mark a cell or a column, the same in figures and tables."""

DAGGER = "†"
"""The recipe repeats training data of the target."""
DOUBLE_DAGGER = "‡"
"""The dev and test split of the target are the same rows."""
STAR = "*"
"""At least one seed of the cell lacks languages of its column."""
