"""The three networks of a TinyVLM, with their first weights."""

from __future__ import annotations

import torch
from torch import nn

from engine.hallucination.tiny_vlm.decoder import Decoder
from engine.hallucination.tiny_vlm.decoder import draw as draw_decoder
from engine.hallucination.tiny_vlm.encoder import Encoder, projector
from engine.models.small import draw as draw_usual


class Parts(nn.Module):
    """The three networks of a TinyVLM."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.projector, self.decoder = Encoder(), projector(), Decoder()


def fresh(seed: int) -> Parts:
    """First weights from a seed."""
    with torch.random.fork_rng(devices=[]):  # torch draws weights that are replaced below
        parts = Parts()
    generator = torch.Generator().manual_seed(seed)
    for part in (parts.encoder, parts.projector):
        draw_usual(part, generator)
    draw_decoder(parts.decoder, generator)
    return parts
