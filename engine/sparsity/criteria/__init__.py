"""Criteria: which weights count, by a score for each."""
