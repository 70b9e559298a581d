"""Rooms: random situations of one strategy in front of a real gate, and what a schema says of them."""
