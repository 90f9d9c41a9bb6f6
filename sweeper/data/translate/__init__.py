"""Machine translation of training examples."""
