"""The commands of `python -m engine`, each in a file of its own."""
