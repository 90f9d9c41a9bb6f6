"""An encoder or a trained target of a run as a Hugging Face folder, and its model card."""
