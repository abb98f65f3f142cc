"""The trial of a map: checks of a heat map on the person's own image."""

from engine.attribution.trust.among import AmongOthers
from engine.attribution.trust.case import Check, TrustCase
from engine.attribution.trust.cheap import CHEAP, OtherClass, Place, Shape
from engine.attribution.trust.controls import controls
from engine.attribution.trust.expensive import EXPENSIVE, MaxSensitivity, Repeats
from engine.attribution.trust.infidelity import Infidelity
from engine.attribution.trust.order import Order
from engine.attribution.trust.random_weights import RandomWeights
from engine.attribution.trust.squares import HiddenSquares

TRUST = (*CHEAP, *EXPENSIVE, Infidelity)
BANDS = (HiddenSquares,)  # what the trials of all maps of an image share
AMONG = (AmongOthers,)  # beside a map whose truth is known

__all__ = [
    "AMONG",
    "BANDS",
    "CHEAP",
    "EXPENSIVE",
    "TRUST",
    "AmongOthers",
    "Check",
    "HiddenSquares",
    "Infidelity",
    "MaxSensitivity",
    "Order",
    "OtherClass",
    "Place",
    "RandomWeights",
    "Repeats",
    "Shape",
    "TrustCase",
    "controls",
]
