"""From a run folder to matrices, statistics, figures and a report, without torch or ray."""
