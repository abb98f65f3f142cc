"""Data sets with known truth: named, split, labelled, with stable ids."""
