"""The page of a run: one HTML file, its data as JSON, and a server that shows it while the sweep runs."""
