"""Tasks as data: the type of an entry (spec) and all entries that are included (catalog)."""
