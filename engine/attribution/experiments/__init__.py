"""Experiments on attribution: networks that are trained to explain themselves."""
