"""What is held, what may still be filled, and what was seen: whole lots, no prices."""
