"""Where the words of captions rest their attention: few tokens, the beginning, full stops.

OPERA and VASparse were made for models in which few tokens hold nearly all attention and sinks hold
most of it: the beginning, which every word can look at when it looks for nothing (Xiao et al. 2023,
https://arxiv.org/abs/2309.17453), and full stops. This measures how far a model is one of these.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.core.method import Method, Progress, defaults, part_of, quiet
from engine.core.result import Result, Table
from engine.evaluation.language.rates import ScenesCase
from engine.evaluation.language.scenes import captions
from engine.vision.language.decoding.generate import DecodingMethod
from engine.vision.language.tiny_vlm.model import TinyVLM
from engine.vision.language.tiny_vlm.sayings import PROMPTS
from engine.vision.language.tiny_vlm.words import NUMBER
from engine.vision.language.vlm import RequestedOutputs

COUNT = 60  # scenes
FEW = 100  # one of so many tokens is among the most looked at
TOP, BEGINNING, STOPS, WORDS = "top 1 %", "beginning", "full stops", "other words"
IMAGE, QUESTION = "image", "question"
PLACES = (BEGINNING, STOPS, WORDS, QUESTION, IMAGE)  # which together hold all attention
ALL = "all layers"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class AttentionSinks(Method[ScenesCase]):
    """How attention is shared out while the model describes scenes.

    Each row is a layer, each share a mean over its heads and all words of the captions. A bar holds
    everything that a word can look at: the beginning (a token that says nothing), the full stops
    of what was said, its other words, the question and the image. Beside it, how much the 1 % most
    looked at tokens hold: one token, or two from 101 on. OPERA and VASparse were made for models in
    which these are nearly everything. A large share says where a model looks, not
    that the answer depends on it.
    """

    family = "hallucination"
    name = "AttentionSinks"
    title = "Where attention rests"
    cost = "wait"
    paper = "Zhuang et al. 2025, https://arxiv.org/abs/2501.06553"
    needs = frozenset({"captions"})
    argument_defaults = defaults(count=COUNT)
    proof = (
        "tests/engine/hallucination/test_looks.py"
        "::test_shares_are_those_of_words_that_are_read_one_by_one"
    )

    def __call__(self, case: ScenesCase, progress: Progress = quiet) -> Result:
        """Shares over the captions of the case's decoding.

        Returns:
            shares: a row for each layer and one for all of them; the places of `PLACES` add up to
                1, `TOP` is beside them. NaN where nothing is said.
            read: words of the captions, and tokens that a word can look at, both means.
        """
        self.check(case)
        sample = case.sample()
        method = cast(DecodingMethod, case.strategy)
        part = part_of(progress, 0.0, 0.7)
        sentences = captions(case.vlm, sample, method, seed=case.seed, progress=part).words
        attentions = []
        for row, words in enumerate(sentences):
            progress(0.7 + 0.3 * row / len(sentences), "looking at attention")
            if words:
                attentions.append(caption_attention(case.vlm, sample.pixels[row], words))
        progress(1.0, "looked at")
        lengths = [len(result.visible) for result in attentions]
        visible = (
            np.concatenate([result.visible for result in attentions]).mean()
            if attentions
            else np.nan
        )
        read = {
            "words": ([sum(lengths) / len(sentences)], "words"),
            "tokens": ([visible], "tokens"),
        }
        return {
            "shares": shares_of(attentions, case.vlm.spec.layers),
            "read": Table.of(read, rows=("mean",)),
        }

    def finding(self, case: ScenesCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """How concentrated attention is, and on what."""
        shares, read = result["shares"], result["read"]
        top, beginning, stops, image = (
            100 * float(shares.cell(ALL, name)) for name in (TOP, BEGINNING, STOPS, IMAGE)
        )
        if np.isnan(top):
            return "Nothing was said of these scenes, so there is no attention to share out."
        return (
            f"The most looked at of about {read['tokens'][0]:.0f} tokens (two from {FEW + 1} on) "
            f"holds {top:.0f} % of the attention. The beginning gets {beginning:.0f} %, full stops "
            f"{stops:.0f} %, the image {image:.0f} %."
        )


@dataclass(frozen=True)
class CaptionAttention:
    """The attention of one caption's words.

    Args:
        shares: the most looked at tokens, then each of `PLACES`, (layers, words, 6).
        visible: how many tokens each word can look at, (words,).
    """

    shares: Floats
    visible: Floats


def shares_of(readings: Sequence[CaptionAttention], layers: int) -> Table:
    """A row for each layer and one for all of them: means over the words of all captions."""
    all_shares = [reading.shares for reading in readings]
    mean = np.concatenate(all_shares, 1).mean(1) if all_shares else np.full((layers, 6), np.nan)
    rows = np.concatenate([mean, mean.mean(0, keepdims=True)])
    columns = {name: (rows[:, at], "share") for at, name in enumerate((TOP, *PLACES))}
    return Table.of(columns, [*(f"layer {at + 1}" for at in range(layers)), ALL])


@torch.no_grad()
def caption_attention(vlm: TinyVLM, pixels: Tensor, words: list[str]) -> CaptionAttention:
    """What the words of a caption look at, the mean over heads.

    Args:
        vlm: the model.
        pixels: of the scene, (3, 64, 64) in [0, 1].
        words: of the caption, the end left out.
    """
    prompt_tokens, answer = vlm.tokenizer.encode(PROMPTS["image"]), [NUMBER[word] for word in words]
    everything = tuple(range(vlm.spec.layers))
    out, prefix = vlm.prefill(
        vlm.encode_image(vlm.normalize(pixels[None])),
        torch.tensor([prompt_tokens + answer], device=vlm.device),
        RequestedOutputs(attention=everything, rows="all"),
    )
    # the answer was read as part of the prompt, behind which `response` lies
    first = prefix.response - len(answer)
    heads = torch.stack([out.attention[layer][0] for layer in everything])
    rows = heads.mean(1)[:, first:].cpu().double()  # (layers, words, tokens)
    visible = torch.arange(first, prefix.response) + 1
    cumulative = rows.sort(-1, descending=True).values.cumsum(-1)
    top_counts = (visible + FEW - 1) // FEW  # as many as 1 %, rounded up
    top = cumulative.gather(-1, (top_counts - 1)[None, :, None].expand(len(rows), -1, 1))[..., 0]
    stop = torch.tensor([word == "." for word in words])
    answer_shares = rows[..., first:]
    parts = [
        top,
        rows[..., 0],
        answer_shares[..., stop].sum(-1),
        answer_shares[..., ~stop].sum(-1),
        rows[..., prefix.prompt[: len(prompt_tokens)]].sum(-1),
        rows[..., prefix.image].sum(-1),
    ]
    return CaptionAttention(torch.stack(parts, -1).numpy(), visible.numpy().astype(np.float64))
