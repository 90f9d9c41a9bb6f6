"""File systems, canonical JSON and digests: nothing here knows what a trial is."""
