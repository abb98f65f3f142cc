"""Small networks that are trained here in seconds or minutes, each built from the data's shape.

Every network takes three channels, because a Classifier does. Gray data repeat their one channel,
and the network begins with the mean over the three: so a color photograph is read as its gray, a
gradient is spread evenly over the channels instead of lying in the first, and what an attacker
adds to a single channel counts by a third. Parts are named children, so that a place to look at
has a name; whatever has no parameters and is no such place is done in `forward`.
"""

from engine.vision.models.small.choice import BUILT, OWN_MAPS, SMALL, TITLES, build
from engine.vision.models.small.shape import NetworkShape
from engine.vision.models.small.weights import init_weights

__all__ = ["BUILT", "OWN_MAPS", "SMALL", "TITLES", "NetworkShape", "build", "init_weights"]
