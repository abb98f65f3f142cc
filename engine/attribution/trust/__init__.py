"""The trial of a map: checks of a heat map on the person's own image."""

from engine.attribution.trust.case import TrustCase
from engine.attribution.trust.checks import CHEAP, DEAR

TRUST = CHEAP + DEAR

__all__ = ["CHEAP", "DEAR", "TRUST", "TrustCase"]
