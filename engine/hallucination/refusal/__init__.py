"""A tiny transformer that declines a class of harmless questions: a simulation of a refusal."""
