"""Drawings by kind of result."""
