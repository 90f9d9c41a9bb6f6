"""File systems, JSON and digests. Nothing here depends on what a trial is."""
