"""A result is a dictionary of named views: raw numbers with a kind and a unit.

Scaling and color are the figure's business. Every view turns to and from plain arrays and
JSON, so that it can be kept, compared and tested without any figure. Kept answers name a view's
kind by its class, so the names in KINDS stay as they are.
"""

from engine.core.result.images import Evidence, Features, ImageNoise
from engine.core.result.maps import Field, Grids, HeatMap, Path, Points, Triangle
from engine.core.result.networks import Checkpoint, Networks, TrainLog, WeightScores
from engine.core.result.pictures import Pictures
from engine.core.result.tables import Curve, Ranking, Scores, Table, distinct
from engine.core.result.view import Array, Floats, Result, View, digest_arrays, read_only
from engine.core.result.words import Tokens

KINDS: dict[str, type[View]] = {
    kind.__name__: kind
    for kind in (
        HeatMap,
        Curve,
        Scores,
        Table,
        Ranking,
        Field,
        Points,
        Triangle,
        Path,
        WeightScores,
        TrainLog,
        Checkpoint,
        Networks,
        Features,
        Evidence,
        Tokens,
        Grids,
        Pictures,
        ImageNoise,
    )
}

__all__ = [
    "KINDS",
    "Array",
    "Checkpoint",
    "Curve",
    "Evidence",
    "Features",
    "Field",
    "Floats",
    "Grids",
    "HeatMap",
    "ImageNoise",
    "Networks",
    "Path",
    "Pictures",
    "Points",
    "Ranking",
    "Result",
    "Scores",
    "Table",
    "Tokens",
    "TrainLog",
    "Triangle",
    "View",
    "WeightScores",
    "digest_arrays",
    "distinct",
    "read_only",
]
