"""Spaces of the five questions that followed the study; docs/questions.md describes them.

`NAME` runs on real data and has a twin `NAME-xl` for a cluster. `NAME_world` is the same question in the synthetic
world, where its answer is known.
"""
