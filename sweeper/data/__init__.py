"""Where examples come from: the Hub or a mirror, tokenised once into memory-mapped arrays."""
