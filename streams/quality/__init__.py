"""Data quality: what a usable market event is, and who takes the others out."""
