"""Robustness: how small a change makes the model say something else."""
