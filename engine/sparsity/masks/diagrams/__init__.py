"""What the drawings of masks are drawn from: small arrays, already counted and ordered.

Every function is one or two passes over the masks, so that all drawings of a network with millions
of weights follow a slider.
"""

from engine.sparsity.masks.diagrams.inputs import FoldedBack, Groups, folded_back, groups
from engine.sparsity.masks.diagrams.kernels import WALL, Patterns, Wall, activation, patterns, wall
from engine.sparsity.masks.diagrams.layers import Difference, Strip, difference, strips
from engine.sparsity.masks.diagrams.values import Histogram, histogram

__all__ = [
    "WALL",
    "Difference",
    "FoldedBack",
    "Groups",
    "Histogram",
    "Patterns",
    "Strip",
    "Wall",
    "activation",
    "difference",
    "folded_back",
    "groups",
    "histogram",
    "patterns",
    "strips",
    "wall",
]
