"""Level sets: what can change in an image without the model noticing?"""

from engine.attribution.lst.comparisons import ConfidencePenalty, ProjectionOnly, StraightLine
from engine.attribution.lst.grid import Grid
from engine.attribution.lst.method import LST
from engine.attribution.lst.plane import Plane
from engine.attribution.lst.settings import PUBLISHED
from engine.attribution.lst.simplex import Simplex
from engine.attribution.lst.star import Star
from engine.attribution.lst.tube_width import TubeWidth

WALKS = (LST, ProjectionOnly, ConfidencePenalty, StraightLine)  # with the same views
LEVEL_SETS = (*WALKS, Plane, Simplex, Star, TubeWidth, Grid)

__all__ = ["LEVEL_SETS", "PUBLISHED", "WALKS"]
