"""What a trial is asked to do, what it leaves, and how its results are counted."""
