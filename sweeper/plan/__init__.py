"""What a space amounts to: units, specs, tokens, time, status. Loads neither torch nor ray."""
