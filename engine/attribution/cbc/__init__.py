"""Prototypes: networks that answer by what they see and by what they do not see (CBC).

`networks` has the shallow and the deep form, `certificate` what is proved of the shallow one,
`attack` what tries to refute it; `PrototypeNetwork` trains, `Prototypes` explains one image,
`PrototypeRobustness` compares robust with plain prototypes.
"""

from engine.attribution.cbc.case import (
    PrototypeCase,
    about_picture,
    about_row,
    first_row,
    offered_rows,
)
from engine.attribution.cbc.network import PrototypeNetwork
from engine.attribution.cbc.reasons import Prototypes
from engine.attribution.cbc.robustness import PrototypeRobustness

PROTOTYPES = (Prototypes, PrototypeNetwork, PrototypeRobustness)

__all__ = [
    "PROTOTYPES",
    "PrototypeCase",
    "PrototypeNetwork",
    "PrototypeRobustness",
    "Prototypes",
    "about_picture",
    "about_row",
    "first_row",
    "offered_rows",
]
