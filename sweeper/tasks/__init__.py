"""Tasks as data: what an entry says (spec) and every entry that ships (catalog)."""
