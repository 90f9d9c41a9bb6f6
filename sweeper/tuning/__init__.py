"""The sweep: plan, search, launch, progress. The only home of ray and optuna."""
