"""Stages of training and evaluation: the only home of torch."""
