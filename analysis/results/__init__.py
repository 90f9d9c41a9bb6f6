"""The numbers of a run folder: loaded tables, the transfer matrix, statistics. Draws nothing, writes nothing."""
