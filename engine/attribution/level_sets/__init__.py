"""Level sets: what can change in an image without the model noticing?"""

from __future__ import annotations

from engine.attribution.level_sets.comparisons import (
    ConfidencePenalty,
    ProjectionOnly,
    StraightLine,
)
from engine.attribution.level_sets.grid import Grid
from engine.attribution.level_sets.lst import LST
from engine.attribution.level_sets.plane import Plane
from engine.attribution.level_sets.settings import PUBLISHED
from engine.attribution.level_sets.simplex import Simplex
from engine.attribution.level_sets.star import Star
from engine.attribution.level_sets.tube_width import TubeWidth

WALKS = (LST, ProjectionOnly, ConfidencePenalty, StraightLine)  # with the same views
LEVEL_SETS = (*WALKS, Plane, Simplex, Star, TubeWidth, Grid)

__all__ = ["LEVEL_SETS", "PUBLISHED", "WALKS"]
