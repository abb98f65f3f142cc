"""Sparse-MU: Model Sparsity Can Simplify Machine Unlearning."""
