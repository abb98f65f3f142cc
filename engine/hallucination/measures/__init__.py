"""Measures: what a caption makes up, counted over scenes, and what each setting changes."""
