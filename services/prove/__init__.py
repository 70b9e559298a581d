"""Proofs: claims about the whole that a stranger can run."""
