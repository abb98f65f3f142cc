"""Loki: Geometry-Aware Adaptation for Pretrained Models."""
