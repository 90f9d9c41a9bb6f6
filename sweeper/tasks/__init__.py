"""Tasks as data: the type of an entry (spec) and the entries of the package (catalog)."""
