"""The loop that lets a model speak, word by word."""
