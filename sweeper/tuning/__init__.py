"""The sweep: agenda, search, launch, progress. Only this package imports ray and optuna."""
