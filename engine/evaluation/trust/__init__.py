"""The trial of a map: checks of a heat map on the person's own image."""

from engine.evaluation.trust.among import AmongOthers
from engine.evaluation.trust.case import Check, TrustCase
from engine.evaluation.trust.cheap import CHEAP, OtherClass, Place, Shape
from engine.evaluation.trust.controls import controls
from engine.evaluation.trust.expensive import EXPENSIVE, MaxSensitivity, Repeats
from engine.evaluation.trust.infidelity import Infidelity
from engine.evaluation.trust.order import Order
from engine.evaluation.trust.random_weights import RandomWeights
from engine.evaluation.trust.squares import HiddenSquares

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
