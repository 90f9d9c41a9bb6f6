"""One trial on one machine: stages of training, evaluation, records. The only package that imports torch."""
