"""The specification of a trial, the records that it leaves, and the rules by which results count."""
