"""Masks: from scores to what is kept, on a model, in a file and as a picture."""
