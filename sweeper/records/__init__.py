"""The specification of a trial, the records that it writes, and the rules that select valid results."""
