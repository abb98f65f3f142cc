"""Experiments: one page for all of them, drawn from what an experiment declares."""
