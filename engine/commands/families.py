"""The families of methods, in the order of the menu; together they are all that can be asked."""

from collections.abc import Mapping
from typing import Any

from engine import anomaly, attribution, hallucination, sparsity, unlearning
from engine.anomaly.localizers.slices import SliceBySlice
from engine.anomaly.localizers.tiles import TileByTile
from engine.anomaly.protocol.pixel_bank import PixelBanks
from engine.attribution.lst.blind_spot import BlindSpot
from engine.core.method import Method
from engine.evaluation.kept_experiment import Condition
from engine.sparsity.effects.pruned_image import PrunedImage
from engine.unlearning.diagnostics.own_images import OwnImages
from engine.unlearning.dmm.trainings import ManyTrainings
from engine.vision import lab
from engine.vision.case.prediction import Prediction
from engine.vision.models.format_search import FormatSearch

FAMILIES = (attribution, unlearning, hallucination, anomaly, sparsity, lab)

METHODS: tuple[type[Method[Any]], ...] = tuple(
    method for family in FAMILIES for method in family.METHODS
)

INTERNAL_METHODS: Mapping[type[Method[Any]], str] = {
    Prediction: "What the model says of the image: every page has it beside its own question.",
    PixelBanks: "What an image is compared with before it is asked about, for every page.",
    SliceBySlice: "A localizer asked about each slice of a scan that a person has opened.",
    TileByTile: "A localizer asked about each tile of a photograph that a person has opened.",
    BlindSpot: "The end of attribution.LST, made small for the start page.",
    PrunedImage: "sparsity.Prune, and what the copy says of one image, for the start page.",
    FormatSearch: "How a person's own weights take images: asked before anything else is.",
    OwnImages: "Whether opened models are right on what they learned from, before they are judged.",
    Condition: "A part of an experiment that keeps its conditions one by one.",
    ManyTrainings: "A part of the networks that unlearning.KLoM, OM and DMM ask for.",
}
"""Methods that are kept and shown like the others, but that nobody asks by name, and why."""
