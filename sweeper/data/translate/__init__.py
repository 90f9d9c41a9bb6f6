"""English training examples in other languages: who translates, what is kept, which examples, what becomes of them."""
