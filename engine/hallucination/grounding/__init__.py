"""Grounding: what in the image a word rests on."""
