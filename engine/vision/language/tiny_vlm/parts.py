"""The three networks of a TinyVLM, with their first weights."""

from collections.abc import Mapping

import torch
from torch import nn

from engine.vision.language.tiny_vlm.decoder import Decoder, DecoderBlock
from engine.vision.language.tiny_vlm.decoder import init_weights as draw_decoder
from engine.vision.language.tiny_vlm.encoder import Encoder, projector
from engine.vision.language.tiny_vlm.mixture import EXPERTS, MixtureBlock, upcycle
from engine.vision.models.small import init_weights as draw_usual

KINDS: Mapping[int, type[DecoderBlock]] = {0: DecoderBlock, EXPERTS: MixtureBlock}


class Parts(nn.Module):
    """The three networks of a TinyVLM.

    Args:
        experts: of each layer of the decoder, 8; 0 for one MLP.
        wordy: how many times as many words its answers have as those of the other models.
    """

    def __init__(self, experts: int = 0, wordy: int = 1) -> None:
        super().__init__()
        if experts not in KINDS:
            raise ValueError(f"{experts} experts: there are decoders with {sorted(KINDS)}")
        self.experts, self.wordy = experts, wordy
        self.encoder, self.projector = Encoder(), projector()
        self.decoder = Decoder(KINDS[experts])


def fresh(seed: int) -> Parts:
    """First weights from a seed."""
    with torch.random.fork_rng(devices=[]):  # torch draws weights that are replaced below
        parts = Parts()
    generator = torch.Generator().manual_seed(seed)
    for part in (parts.encoder, parts.projector):
        draw_usual(part, generator)
    draw_decoder(parts.decoder, generator)
    return parts


def parts_copy(parts: Parts, wordy: int | None = None) -> Parts:
    """Parts of their own with the same weights, for use and not for training.

    Args:
        parts: are kept as they are.
        wordy: of the copy, where it is to speak at another length.
    """
    clone = Parts(parts.experts, parts.wordy if wordy is None else wordy)
    clone.load_state_dict(parts.state_dict())
    return clone.eval().requires_grad_(requires_grad=False)


def upcycled(dense: Parts, seed: int) -> Parts:
    """A mixture of experts that says what the dense model says, to begin training with."""
    with torch.random.fork_rng(devices=[]):
        parts = Parts(EXPERTS)
    generator = torch.Generator().manual_seed(seed)
    parts.encoder.load_state_dict(dense.encoder.state_dict())
    parts.projector.load_state_dict(dense.projector.state_dict())
    parts.decoder.words.load_state_dict(dense.decoder.words.state_dict())
    parts.decoder.norm.load_state_dict(dense.decoder.norm.state_dict())
    for old, new in zip(dense.decoder.stack, parts.decoder.stack, strict=True):
        assert isinstance(new, MixtureBlock)  # noqa: S101  # what Parts(8) is made of
        upcycle(old, new, generator)
    return parts.eval().requires_grad_(requires_grad=False)
