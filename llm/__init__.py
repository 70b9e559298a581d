"""The constrained model. Its rooms are filled by the work that brings it into the chain."""
