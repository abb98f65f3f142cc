"""Robustness: how small a change makes the model say something else, or what a person lists."""

from engine.attribution.robustness.followed import MapsFollow
from engine.attribution.robustness.gradient_steps import FGSM, PGD
from engine.attribution.robustness.many_images import AttackedImagesCase
from engine.attribution.robustness.order_success import OrderedSuccess
from engine.attribution.robustness.ordered_case import OrderedCase, drawn_order
from engine.attribution.robustness.quadattack import OrderedAD, OrderedCW, QuadAttacK
from engine.attribution.robustness.safecv import SafeCV

ORDERED = (QuadAttacK, OrderedCW, OrderedAD)
ROBUSTNESS = (PGD, FGSM, *ORDERED, OrderedSuccess, MapsFollow, SafeCV)

__all__ = [
    "FGSM", "ORDERED", "PGD", "ROBUSTNESS", "AttackedImagesCase", "MapsFollow", "OrderedAD",
    "OrderedCW", "OrderedCase", "OrderedSuccess", "QuadAttacK", "SafeCV", "drawn_order",
]  # fmt: skip
