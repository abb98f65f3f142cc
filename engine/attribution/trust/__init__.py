"""The trial of a map: checks of a heat map on the person's own image."""

from engine.attribution.trust.case import Check, TrustCase
from engine.attribution.trust.cheap import CHEAP, Order, OtherClass, Place, Shape
from engine.attribution.trust.dear import DEAR, Nudged, RandomWeights, Repeats

TRUST = CHEAP + DEAR

__all__ = [
    "CHEAP",
    "DEAR",
    "TRUST",
    "Check",
    "Nudged",
    "Order",
    "OtherClass",
    "Place",
    "RandomWeights",
    "Repeats",
    "Shape",
    "TrustCase",
]
