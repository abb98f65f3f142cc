"""Which words a region of the image is needed for: the answer's words with the region hidden."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from engine.core.errors import BlindspotError
from engine.core.method import Progress, Slider, quiet, setting
from engine.core.result import Result, Table
from engine.hallucination.grounding import findings
from engine.hallucination.grounding.cause import answers
from engine.hallucination.grounding.looks import attention
from engine.hallucination.grounding.word_case import OfWords, WordCase
from engine.vision.language.case import CaptionCase
from engine.vision.language.decoding.forced import forced


@dataclass(frozen=True)
class RegionWords(OfWords):
    """Which words of the answer hang on a region.

    For every word: the share of its attention to the image that lies in the region, and by how
    much its probability falls when the region is hidden behind the mean color, with the words
    before it held fixed. The first is where it looked, the second what it needed.
    """

    name = "RegionWords"
    revision = 2  # gives the answers too
    title = "Words of a region"
    needs = frozenset({"attention", "places"})
    proof = "tests/engine/hallucination/test_cause.py::test_a_region_of_everything"

    top: float = setting(0.25, Slider(0.0, 1.0, 0.01), "Top", "Upper edge, as a share of the side.")
    left: float = setting(0.25, Slider(0.0, 1.0, 0.01), "Left", "Left edge.")
    bottom: float = setting(0.5, Slider(0.0, 1.0, 0.01), "Bottom", "Lower edge.")
    right: float = setting(0.5, Slider(0.0, 1.0, 0.01), "Right", "Right edge.")

    def __call__(self, case: WordCase, progress: Progress = quiet) -> Result:
        """Views: words, a row for each; images, the words' probability and the answer in both.

        Raises:
            BlindspotError: the region is empty.
        """
        progress(0.0, "hiding the region")
        rows, columns = region(case, self.top, self.left, self.bottom, self.right)
        inside = torch.zeros(case.image.shape[1:], dtype=torch.bool)
        inside[rows, columns] = True
        images = case.images.repeat(2, 1, 1, 1)
        images[1, :, rows, columns] = 0  # the mean color, normalized
        logs = forced(case.vlm, images, case.prompts[0], case.answer)
        shares = logs.exp()[:, torch.arange(len(case.said)), case.answer].cpu().numpy()
        attention_map = attention(case).mean((1, 2)).cpu().numpy()
        # a word that does not look at the image has no share inside: 0, not 0 / 0
        within = (attention_map * covered(inside, case)).sum(1) / np.maximum(
            attention_map.sum(1), 1e-9
        )
        progress(1.0, "hidden")
        return {
            "words": Table.of(
                {
                    "attention inside": (within.astype(np.float32), "share"),
                    "probability": (shares[0].astype(np.float32), "probability"),
                    "hidden": (shares[1].astype(np.float32), "probability"),
                    "owed": ((shares[0] - shares[1]).astype(np.float32), "probability"),
                },
                rows=[f"{place + 1}. {word}" for place, word in enumerate(case.spoken)],
            ),
            "images": Table.of(
                {"probability": (shares[:, list(case.places)].prod(1), "probability")},
                rows=(findings.THIS, "the region hidden"),
                notes=answers(case, images),
            ),
        }

    def finding(self, case: WordCase, result: Mapping[str, Any]) -> str:
        """What becomes of the words and of the answer when the region is hidden."""
        return findings.hidden(case.phrase, result["images"])


def region(
    case: CaptionCase, top: float, left: float, bottom: float, right: float
) -> tuple[slice, slice]:
    """Rows and columns of a region that is given in shares of the image's sides.

    Raises:
        BlindspotError: the region is empty.
    """
    height, width = case.image.shape[1:]
    rows = slice(round(top * height), round(bottom * height))
    columns = slice(round(left * width), round(right * width))
    if not case.image[:, rows, columns].numel():
        raise BlindspotError("The region is empty: draw it with some height and width.")
    return rows, columns


def covered(inside: torch.Tensor, case: WordCase) -> np.ndarray:
    """The share of each of the image's tokens that a region (H, W) covers, (I,)."""
    rows, columns = case.vlm.spec.grid or (1, 1)
    result = torch.nn.functional.adaptive_avg_pool2d(inside[None].float(), (rows, columns))
    shares: np.ndarray = result.flatten().numpy()
    return shares
