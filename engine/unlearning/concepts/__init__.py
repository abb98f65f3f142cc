"""Concepts: what a vision-language model sees is taken apart, and one thing is left out."""
