"""Blends of an image with one of another class and with noise: which doubt rises on which way?

A blend is a weighted sum of pixels, such as 70 % of the image and 30 % noise.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.anomaly.cosine import loss_setting
from engine.anomaly.fvr.findings import NONE, SEVERAL, which_rises
from engine.anomaly.fvr.masses import Masses
from engine.anomaly.fvr.method import FVR, OpinionHead
from engine.anomaly.protocol.corrupt import bank_of_pixels, held_out_pixels
from engine.core.errors import BadData, BadSetting
from engine.core.method import Choice, Method, Progress, Slider, part_of, quiet, setting
from engine.core.pictures import as_bytes
from engine.core.result import Pictures, Result, Table, Triangle
from engine.evaluation.detection.bank import Bank, Doubles
from engine.evaluation.detection.case import FamiliarCase
from engine.evaluation.detection.gather import Gathered, gathered

ITS_CLASS, OTHER, OTHERS, NOISE = "its class", "the other class", "further classes", "noise"
WAYS = ("class", "noise")
CORNERS = np.array([[0, 0], [1, 0], [0.5, np.sqrt(0.75)]], np.float32)  # no distances: equal sides
BLEND_STEPS = 6  # pictures along a way


@dataclass(frozen=True)
class Blends(Method[FamiliarCase]):
    """Where does doubt rise when an image becomes another one, and when it becomes noise?

    The image is blended with a normal image of another class and with noise, in every mixture of
    the three. Of each, the head of *Confusion or ignorance (FVR)* gives belief in each class,
    confusion and ignorance, which add up to 1. If both doubts are what they are called, confusion
    rises half way to the other class, and ignorance is up in noise alone. The other image is the
    most like it, in the model's features, of the clear half of the held-out images of its class. A
    blend of pixels is no image that anybody took: half a 3 and half an 8 may well be nothing that
    the model knows.
    """

    name = "Blends"
    family = "anomaly"
    title = "Between classes and to noise"
    cost = "wait"
    revision = 2
    paper = FVR.paper
    needs = FVR.needs
    proof = "tests/engine/anomaly/fvr/test_fvr.py::test_every_blend_is_judged_as_an_image_by_itself"

    toward: str | None = setting(
        None,
        Choice(source="classes", off="the next most plausible"),
        "Toward",
        "The class that the image is blended with.",
    )
    loss: str = loss_setting()
    cells: int = setting(
        20,
        Slider(4, 40, 2),
        "Steps",
        "Steps from an image to another: n gives (n + 1)(n + 2) / 2 blends.",
    )

    def __call__(self, case: FamiliarCase, progress: Progress = quiet) -> Result:
        """Views: ignorance and confusion (triangles), a table for each way, and the strip."""
        banks = gathered(case, part_of(progress, 0.0, 0.5))
        progress(0.5, "learning the head")
        method = FVR(self.loss)
        method.check_banks(banks)
        head = method.head(banks)
        plausibility = head.masses(banks.subject).plausibility[0]
        first = int(plausibility.argmax())
        other = self.other(case, banks, plausibility)
        partner = partner_of(case, banks, head, other)
        images = torch.stack([case.image, partner, noise_for(case)])
        weights = simplex_grid(self.cells)
        progress(0.7, "looking at blends")
        blend_masses = head.masses(bank_of_pixels(case.model, blended(images, weights)))
        progress(1.0, f"{len(weights)} blends")
        labels = case.model.labels
        names = (labels[first], labels[other], NOISE)
        steps = {
            way: way_table(blend_masses, weights, at, first, other)
            for at, way in enumerate(WAYS, 1)
        }
        return {
            "confusion": triangle(blend_masses.confusion, weights, images, names),
            "ignorance": triangle(blend_masses.ignorance, weights, images, names),
            **steps,
            "strip": strip(images, names),
        }

    def finding(self, case: FamiliarCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Which doubt rises on which way."""
        return which_rises(result)

    def other(self, case: FamiliarCase, banks: Gathered, plausibility: Doubles) -> int:
        """The class that is blended with, by default of those with held-out images.

        Raises BadSetting for a class that is not there, or that the image is taken for.
        """
        order = [int(label) for label in plausibility.argsort()[::-1]]
        if self.toward is None:
            present = set().union(*(bank_classes(bank) for bank in (banks.normal, banks.held)))
            return next((label for label in order[1:] if label in present), order[1])
        if self.toward not in case.model.labels:
            raise BadSetting(
                f"{self.title}: {case.model.title} has no class {self.toward!r}; choose one of "
                f"{', '.join(case.model.labels[:12])}."
            )
        if self.toward == case.model.labels[order[0]]:
            raise BadSetting(
                f"{self.title}: the image is taken for {self.toward} already; choose another class."
            )
        return case.model.labels.index(self.toward)


def partner_of(case: FamiliarCase, banks: Gathered, head: OpinionHead, label: int) -> Tensor:
    """Of the clear held-out images of a class the one most like the image, (3, side, side).

    Clear is the half in which belief in the class is strongest; what is most like the image is told
    by the model's features.

    Raises:
        BadData: no held-out image has that class.
    """
    source_bank = next(
        (bank for bank in (banks.normal, banks.held) if label in bank_classes(bank)), None
    )
    if source_bank is None:
        raise BadData(
            f"No held-out normal image is of class {case.model.labels[label]}: choose another one."
        )
    class_bank = source_bank.take(np.asarray(source_bank.labels) == label)
    belief = head.masses(class_bank).belief[:, label]
    similarities = class_bank.directions @ banks.subject.directions[0]
    # else the most alike may be an image of that class that is itself in doubt
    similarities[belief < np.median(belief)] = -np.inf
    return held_out_pixels(case, class_bank.take(np.array([int(similarities.argmax())])))[0]


def bank_classes(bank: Bank) -> set[int]:
    """The classes of its images."""
    return set(np.asarray(bank.labels).tolist())


def noise_for(case: FamiliarCase) -> Tensor:
    """Even noise in [0, 1] of the image's form, gray where the image is gray."""
    gray = bool((case.image == case.image[:1]).all())
    shape = (1 if gray else 3, *case.image.shape[1:])
    # one channel where the image is gray: colored noise would be strange for its color alone
    drawn = torch.from_numpy(case.generator().random(shape, np.float32))
    return drawn.expand(3, -1, -1).contiguous()


def simplex_grid(cells: int) -> Doubles:
    """Weights of three images on a triangular grid, (points, 3), each row adding up to 1."""
    steps = [(cells - i - j, i, j) for i in range(cells + 1) for j in range(cells + 1 - i)]
    return np.array(steps, np.float64) / cells


def blended(images: Tensor, weights: Doubles) -> Tensor:
    """The sums of three images (3, 3, H, W), one for each row of weights."""
    return torch.einsum("nk,kchw->nchw", torch.from_numpy(weights).float(), images)


def triangle(values: Doubles, weights: Doubles, images: Tensor, names: tuple[str, ...]) -> Triangle:
    """One of the masses on every blend."""
    return Triangle(
        weights.astype(np.float32),
        values.astype(np.float32),
        CORNERS,
        images.half().numpy(),
        names,
        "mass",
    )


def way_table(masses: Masses, weights: Doubles, corner: int, first: int, other: int) -> Table:
    """All masses on the way from the image to a corner, 1 the other class and 2 noise."""
    # corners 1 and 2: 3 − corner is the other one, which a blend on this way has nothing of
    on_edge = np.flatnonzero(weights[:, 3 - corner] == 0)
    rows = on_edge[np.argsort(weights[on_edge, corner])]
    belief = masses.belief[rows]
    columns: dict[str, tuple[Any, str]] = {
        "share": (weights[rows, corner], "share"),
        ITS_CLASS: (belief[:, first], "mass"),
        OTHER: (belief[:, other], "mass"),
        OTHERS: (belief.sum(1) - belief[:, first] - belief[:, other], "mass"),
        SEVERAL: (masses.confusion[rows], "mass"),
        NONE: (masses.ignorance[rows], "mass"),
    }
    return Table.of(columns)


def strip(images: Tensor, names: tuple[str, ...]) -> Pictures:
    """Pictures along both ways."""
    shares = np.linspace(0, 1, BLEND_STEPS)
    rows = []
    for corner in (1, 2):
        weights = np.zeros((BLEND_STEPS, 3))
        weights[:, 0], weights[:, corner] = 1 - shares, shares
        rows.append(as_bytes(blended(images, weights)))
    return Pictures(
        np.stack(rows),
        tuple(f"to {name}" for name in names[1:]),
        tuple(f"{100 * share:.0f} %" for share in shares),
        f"The image becomes an image of class {names[1]} (above) and noise (below).",
    )
