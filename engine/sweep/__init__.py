"""Many questions at once: methods × images or data × models × settings, of a plan in a file."""
