"""What a model says without looking: the same prompt with nothing, noise or another picture.

A word that survives when the image is gone was not read from the image.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.core.method import Progress, Slider, quiet, setting
from engine.core.result import Result, Table
from engine.hallucination.grounding import findings
from engine.hallucination.grounding.cause import answers
from engine.hallucination.grounding.word_case import OfWords, WordCase
from engine.vision.language.decoding.forced import forced
from engine.vision.language.decoding.noise import STEPS, noised

BLANKS = ("blank", "noise", "noised")


@dataclass(frozen=True)
class Priors(OfWords):
    """Which words of the answer survive when the image is taken away.

    The same prompt is asked of a blank picture (the mean color), of pure noise, of the image deep
    in noise, of other pictures where some are given, and of no picture at all. For every word of
    the answer: how likely it is there, behind the same words before it. A word that stays likely
    everywhere is said out of habit.
    """

    name = "Priors"
    title = "Without looking"
    proof = "tests/engine/hallucination/test_cause.py::test_what_is_said_without_looking"

    step: int = setting(
        900, Slider(0, STEPS - 1, 1), "Noise step t", "How deeply the image is hidden in noise."
    )

    def __call__(self, case: WordCase, progress: Progress = quiet) -> Result:
        """Probabilities of all words (columns) in every picture (rows), and the answers."""
        progress(0.0, "looking away")
        # `compared` begins with the image itself, which stands here already
        images = torch.cat([case.images, hidden(case, self.step), case.compared[1:]])
        prompt, answer = case.prompts[0], case.answer
        with_images = forced(case.vlm, images, prompt, answer)
        unseen = forced(case.vlm, None, prompt, answer)
        logs = torch.cat([with_images, unseen])
        shares = logs.exp()[:, torch.arange(len(answer)), answer].cpu().numpy().astype(np.float32)
        columns = {
            f"{place + 1}. {word}": (shares[:, place], "probability")
            for place, word in enumerate(case.spoken)
        }
        rows = (findings.THIS, *BLANKS, *case.names, "no image")
        progress(1.0, "looked away")
        return {"words": Table.of(columns, rows, [*answers(case, images), ""])}

    def finding(self, case: WordCase, result: Mapping[str, Any]) -> str:
        """Which words are said anyway, in how many of the pictures that show nothing."""
        return findings.survivors(case.spoken, result["words"], case.names)


def hidden(case: WordCase, step: int) -> Tensor:
    """A blank picture, pure noise, and the image deep in noise, normalized, (3, 3, H, W)."""
    clear = case.images
    generator = torch.Generator().manual_seed(case.seed)
    noise = torch.randn(2, *clear.shape[1:], generator=generator).to(clear)
    # the mean color is 0 once it is normalized
    gray = torch.zeros_like(clear)
    return torch.cat([gray, noise[:1], noised(clear, step, noise[1:])])
