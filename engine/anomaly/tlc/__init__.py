"""TLC: Trustworthy Long-Tailed Classification."""
