"""The work that a space defines: its units, specs, tokens, hours and status. Loads neither torch nor ray."""
