"""The view Concepts: one thing is left out of what a vision-language model sees."""
