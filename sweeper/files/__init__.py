"""File systems, JSON and digests. The only import from the project is `sweeper.errors`."""
