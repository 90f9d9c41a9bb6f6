"""Reads data sets from the Hub or a mirror, and tokenises them once into memory-mapped arrays."""
