"""Predictions of a run as a submission to the XTREME leaderboard."""
