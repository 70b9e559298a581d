"""What is measured and logged, and under which names."""
