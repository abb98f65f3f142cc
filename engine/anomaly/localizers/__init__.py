"""Localizers: a value for each place of an image, higher where it is odder."""
