"""A run folder: its space, its site, its ledger and its encoder store."""
