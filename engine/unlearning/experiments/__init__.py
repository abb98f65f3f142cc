"""Experiments: data made so that nothing can be learned from them."""
