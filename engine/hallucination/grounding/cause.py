"""What a word hangs on: its probability when something in the image is not there.

The words before it are held fixed, so that only the image differs. In a rendered scene a thing is
taken out exactly; in a photograph a region is hidden, which is another image than one without it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from engine.core.method import Progress, defaults, quiet
from engine.core.result import Result, Table
from engine.evaluation.language.greedy import Greedy
from engine.hallucination.grounding import findings
from engine.hallucination.grounding.word_case import OfWords, WordCase
from engine.vision.language.decoding.forced import forced
from engine.vision.language.decoding.generate import generate


@dataclass(frozen=True)
class Cause(OfWords):
    """How likely the word is when the image is another one.

    Each row is an image: this one, and the same without a thing, with a region hidden, or at
    another opacity. The first number is the word's probability there, behind the same words
    (the product, where several words are picked); the second is by how much it is lower than in
    this image: what the word owes to what was changed. Below each is what the model now says.
    """

    name = "Cause"
    title = "Causal check"
    needs = frozenset({"others"})
    argument_defaults = defaults(against=("each",))
    proof = "tests/engine/hallucination/test_cause.py::test_an_image_that_is_the_same_owes_nothing"

    def __call__(self, case: WordCase, progress: Progress = quiet) -> Result:
        """Probabilities of the words on every image, and the answers."""
        progress(0.0, "looking again")
        images = case.compared
        logs = forced(case.vlm, images, case.prompts[0], case.answer)  # (1 + k, n, V)
        places = list(case.places)
        words = case.answer[places]
        chance = logs[:, places, words].sum(1).exp().cpu().numpy()
        # over all spellings; the normalizer of the first word cancels in the difference
        yes, no = (
            logs[:, 0, list(ids)].logsumexp(-1) for ids in (case.vlm.spec.yes, case.vlm.spec.no)
        )
        leaning = torch.sigmoid(yes - no).cpu().numpy()
        progress(1.0, "looked again")
        return {
            "images": Table.of(
                {
                    "probability": (chance.astype(np.float32), "probability"),
                    "owed": ((chance[0] - chance).astype(np.float32), "probability"),
                    "yes against no": (leaning.astype(np.float32), "probability"),
                },
                rows=(findings.THIS, *case.names),
                notes=answers(case, images),
            )
        }

    def finding(self, case: WordCase, result: Mapping[str, Any]) -> str:
        """In which of the images the words are least likely."""
        return findings.least_likely(case.phrase, result["images"])


def answers(case: WordCase, images: torch.Tensor) -> list[str]:
    """What the model says of each image, word by likeliest word."""
    prompts = case.prompts.expand(len(images), -1)
    spoken = generate(case.vlm, Greedy(), images, prompts, record=False)
    return [case.vlm.tokenizer.decode(row) for row in spoken.tokens.tolist()]
