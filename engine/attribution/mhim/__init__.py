"""Slides: bags of tiles with one label each; which tiles does a network look at?

`case` is what is asked about and `bags` its tiles as numbers; `network` pools tiles into one
answer, `masks` says which tiles a student does not see, `mining` is the loss and the training,
`scores` what each network says of each tile and whether that is right. `whole` is one large image;
`attention` are networks that weigh its tiles, after they learned from bags of made `sections`.
"""

from engine.attribution.mhim.attention import TileAttention
from engine.attribution.mhim.case import BagsCase
from engine.attribution.mhim.methods import MHIM, MHIM2
from engine.attribution.mhim.ratio import MaskedRatio
from engine.attribution.mhim.whole import UnlikeTiles, WholeSlideCase

BAGS = (MHIM, MHIM2, MaskedRatio)
LARGE = (UnlikeTiles, TileAttention)
SLIDES = (*BAGS, *LARGE)

__all__ = [
    "BAGS",
    "LARGE",
    "MHIM",
    "MHIM2",
    "SLIDES",
    "BagsCase",
    "MaskedRatio",
    "TileAttention",
    "UnlikeTiles",
    "WholeSlideCase",
]
