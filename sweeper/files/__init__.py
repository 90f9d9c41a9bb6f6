"""File systems, JSON and digests. From the other packages, only `sweeper.errors` is imported."""
