"""The constrained model: what it is shown, what it can say, and what runs it."""
