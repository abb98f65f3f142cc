"""The few color ramps we use, each a (256, 3) array of bytes made once.

Unsigned numbers get cividis, which is even in lightness and safe for color-blind eyes. Signed
numbers get blue to orange with zero in the middle: white on a light page, near black on a dark
one, so that zero always recedes. Kinds without an order get Okabe and Ito's eight colors.

Okabe and Ito, "Color Universal Design" (2008), https://jfly.uni-koeln.de/color/
"""

from itertools import pairwise

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

Ramp = NDArray[np.uint8]  # (256, 3)

STEPS = 256

# Ends and quarters of equal lightness left and right of zero (CIE L* 27, 60 and 97; 83, 50 and 6).
BLUE_WHITE_ORANGE = ("#003f7f", "#3f97d0", "#f7f7f7", "#ce7e28", "#6d2c00")
BLUE_BLACK_ORANGE = ("#a5d2ff", "#2c7cb8", "#141414", "#ad6610", "#fcc389")


def from_matplotlib(name: str) -> Ramp:
    """One of matplotlib's ramps by name, without pyplot."""
    shades = mpl.colormaps[name](np.linspace(0, 1, STEPS))[:, :3]
    return frozen(shades * 255)


def through(*stops: str) -> Ramp:
    """A ramp through evenly spaced #rrggbb stops."""
    places = np.linspace(0, STEPS - 1, len(stops))
    channels = np.array([rgb(stop) for stop in stops], dtype=np.float64).T
    steps = np.arange(STEPS)
    return frozen(np.stack([np.interp(steps, places, channel) for channel in channels], axis=1))


def rgb(color: str) -> tuple[int, int, int]:
    """#rrggbb as three bytes."""
    red, green, blue = (int(color[at:end], 16) for at, end in pairwise((1, 3, 5, 7)))
    return red, green, blue


def frozen(shades: NDArray[np.float64]) -> Ramp:
    """Bytes, closed to writing."""
    ramp = np.rint(shades).astype(np.uint8)
    ramp.setflags(write=False)
    return ramp


SEQUENTIAL = from_matplotlib("cividis")
DIVERGING_LIGHT = through(*BLUE_WHITE_ORANGE)
DIVERGING_DARK = through(*BLUE_BLACK_ORANGE)

# Okabe-Ito, in the order in which neighbors differ most; black comes last.
CATEGORICAL = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#cc79a7",
    "#56b4e9",
    "#d55e00",
    "#f0e442",
    "#000000",
)
