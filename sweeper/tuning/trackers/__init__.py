"""Experiment trackers: a run for each trial, in W&B, MLflow, TensorBoard, Trackio or a class of the user."""
