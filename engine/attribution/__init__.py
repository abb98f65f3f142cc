"""Attribution: what did the model look at? The methods in the order shown, one tuple per view."""

from __future__ import annotations

from engine.attribution.gradient import Gradient

HEATMAPS = (Gradient,)

FIRST = (Gradient,)  # what the view opens with

METHODS = HEATMAPS
