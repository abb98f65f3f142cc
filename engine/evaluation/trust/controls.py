"""What the outlines of the GP-UNet that ships are held against, on the same images.

The same recipe with shuffled labels says what such a map gives where nothing could be learned;
Grad-CAM on a plain network that learned the same slices, what a classifier gives without a map of
its own.
"""

from dataclasses import replace

from engine.core.method import Method
from engine.evaluation.maps.grad_cam import GradCam
from engine.evaluation.maps.own_map import OwnMap
from engine.evaluation.trust.case import TrustCase
from engine.vision.case import ImageCase
from engine.vision.models.catalog import load
from engine.vision.models.embedded import plan

STUDIED = "phantom-gp-unet"
SHUFFLED, PLAIN = "Shuffled labels", "Grad-CAM of an equal plain CNN"
MODELS = {SHUFFLED: "phantom-gp-unet-shuffled", PLAIN: "phantom-cnn-large"}


def controls(case: TrustCase) -> dict[str, TrustCase]:
    """The question put to each control; none where another model is asked than the one that ships.

    A map of a network's own is cut as the person has it cut.
    """
    if case.others != plan(STUDIED).data or case.model.fingerprint != load(STUDIED).fingerprint:
        return {}
    own_map = case.method if isinstance(case.method, OwnMap) else OwnMap()
    methods: dict[str, Method[ImageCase]] = {SHUFFLED: own_map, PLAIN: GradCam()}
    cases = {}
    for title, name in MODELS.items():
        model = load(name)
        if (model.labels, model.side) == (case.model.labels, case.model.side):
            question = replace(case.asked, model=model)
            cases[title] = replace(case, asked=question, method=methods[title])
    return cases
