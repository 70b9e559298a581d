"""``penstock demo``: real ticks to verdicts in about a minute, shown as it happens, told from the journal."""
