"""Where a word looked: the attention to the image at the place where the word was chosen.

Attention says what was read, not what the word hangs on: hold it against the causal check.
Some places of an image are looked at by every word alike, whatever they show: sinks. They can be
left out. A sink here is a place whose mean over all words of the answer is more than `SINK` times
the median place's; the rule is our own, after what Xiao et al. 2023 (https://arxiv.org/abs/2309.17453)
call sinks in text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.core.method import Progress, Slider, Switch, quiet, setting
from engine.core.result import Floats, HeatMap, Result, Scores
from engine.hallucination.grounding import findings
from engine.hallucination.grounding.word_case import OfWords, WordCase
from engine.vision.language.vlm import RequestedOutputs

SINK = 4.0


@dataclass(frozen=True)
class Looks(OfWords):
    """Where in the image the model looked when it chose the word.

    Each place has the share of attention that the word's predecessor paid to it, averaged over
    heads, and over the words if several are picked. It adds up to less than 1, since words
    attend to words too. Attention is what was read; whether the word hangs on it, the causal
    check says.
    """

    name = "Looks"
    title = "Attention"
    needs = frozenset({"attention", "places"})
    proof = "tests/engine/hallucination/test_looks.py::test_attention_is_that_of_the_word_before"

    layer: int | None = setting(
        None, Slider(1, 64, 1, off="all layers"), "Layer", "One layer of the decoder, from 1."
    )
    sinks: bool = setting(
        True, Switch(), "Leave out sinks", "Set places to 0 that every word looks at alike."
    )

    def __call__(self, case: WordCase, progress: Progress = quiet) -> Result:
        """The map, and how much of the attention went to the image at all."""
        progress(0.0, "reading")
        all_attention = attention(case)  # (n, L, H, I)
        layers = all_attention.shape[1]
        chosen = (
            all_attention if self.layer is None else all_attention[:, [min(self.layer, layers) - 1]]
        )
        by_word = chosen.mean((1, 2)).cpu().numpy()  # (n, I)
        case_attention = by_word[list(case.places)].mean(0)
        sinking = sink_places(by_word)
        weights = np.where(sinking, 0, case_attention) if self.sinks else case_attention
        numbers = np.array([case_attention.sum(), case_attention[sinking].sum()], np.float32)
        progress(1.0, "read")
        return {
            "map": HeatMap(on_pixels(weights, case), "share of attention", signed=False),
            "shares": Scores(numbers, ("to the image", "to sinks"), "share of attention"),
        }

    def finding(self, case: WordCase, result: Mapping[str, Any]) -> str:
        """How much of the attention went to the image, and how much of that to the right place."""
        return findings.attention_sentence(case, result["shares"].values, result["map"])


@torch.no_grad()
def attention(case: WordCase) -> Tensor:
    """Of every word of the answer to every place of the image, (n, layers, heads, I)."""
    every = tuple(range(case.vlm.spec.layers))
    text = torch.cat([case.prompts[0], case.answer[:-1]])[None]
    image_states = case.vlm.encode_image(case.images)
    out, prefix = case.vlm.prefill(
        image_states, text, RequestedOutputs(attention=every, rows="all")
    )
    shares = torch.stack([out.attention[layer][0] for layer in every], 1)  # (H, L, q, k)
    # rows of the words before: from the prompt's last to the answer's last but one
    chosen = shares[:, :, -len(case.said) :][..., prefix.image]
    return chosen.permute(2, 1, 0, 3).float()


def sink_places(by_word: Floats) -> NDArray[np.bool_]:
    """Which places every word looks at, (I,), from attention (n, I)."""
    mean = by_word.mean(0)
    sinks: NDArray[np.bool_] = mean > SINK * max(float(np.median(mean)), 1e-9)
    return sinks if len(by_word) > 1 else np.zeros_like(sinks)  # of one word nobody can tell


def on_pixels(values: Floats, case: WordCase) -> Floats:
    """A value for each token of the image, on the image's pixels, (H, W)."""
    rows, columns = case.vlm.spec.grid or (1, len(values))
    height, width = case.image.shape[1:]
    grid = np.asarray(values, np.float32).reshape(rows, columns)
    down = np.arange(height) * rows // height
    right = np.arange(width) * columns // width
    return grid[down[:, None], right[None, :]]
