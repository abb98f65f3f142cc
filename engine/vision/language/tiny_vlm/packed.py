"""Many texts about one image in a single pass, as training and questions by the hundred need it.

Every text attends to the image and, causally, to itself, but to no other text. That is what a
block mask over one long sequence would give, with 40 % of its products and no mask in memory.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from engine.vision.language.tiny_vlm.decoder import Decoder, DecoderBlock, Inside, Turn, turn
from engine.vision.language.tiny_vlm.words import BOS

HIDDEN = -1e4  # added to a score that must not count; finite in 16 bits too


def prefix(decoder: Decoder, image: Tensor) -> Tensor:
    """The beginning of every sequence: <bos> and the image's tokens (N, I, 128)."""
    begin = torch.full((len(image), 1), BOS, device=image.device)
    return torch.cat([decoder.embed(begin).to(image.dtype), image], 1)


def states(
    decoder: Decoder,
    image: Tensor,
    texts: Sequence[Tensor],
    insides: list[Inside] | None = None,
    looks: list[list[Tensor]] | None = None,
) -> list[Tensor]:
    """What the decoder makes of every word of every text.

    Args:
        decoder: as it is.
        image: projected tokens (N, I, 128).
        texts: word numbers, (N, S, L) each.
        insides: gets what each layer's MLP shows, the prefix and all texts in a row.
        looks: gets the attention of each layer, for each of the texts (N, heads, S · L, I + 1 + L):
            to <bos>, the image, and the words of the same text.

    Returns:
        For each of the texts its last hidden states after the final norm, (N, S, L, 128).
    """
    count, shapes = len(image), [(text.shape[1], text.shape[2]) for text in texts]
    begin = prefix(decoder, image)
    start = begin.shape[1]
    places = [torch.arange(start)]
    # every text begins right behind the image, whatever stands before it in the pack
    places += [(start + torch.arange(length)).repeat(many) for many, length in shapes]
    words = [decoder.embed(text.reshape(count, -1)) for text in texts]
    hidden = torch.cat([begin, *words], 1)
    by = turn(torch.cat(places).to(image.device))
    for layer in decoder.stack:
        attention: list[Tensor] = []
        hidden, inside = layer.joined(
            hidden, prefix_attention(layer, hidden, by, start, shapes, attention)
        )
        if looks is not None:
            looks.append(attention)
        if insides is not None:
            insides.append(inside)
    read = decoder.norm(hidden[:, start:])
    parts = read.split([many * length for many, length in shapes], 1)
    return [part.reshape(count, *shape, -1) for part, shape in zip(parts, shapes, strict=True)]


def prefix_attention(
    layer: DecoderBlock,
    hidden: Tensor,
    by: Turn,
    start: int,
    shapes: Sequence[tuple[int, int]],
    looks: list[Tensor],
) -> Tensor:
    """Attention times values over the prefix and each text apart, (N, heads, T, 32).

    `looks` gets the attention of each of the texts.
    """
    query, key, value = layer.split(hidden, by)
    first = query[:, :, :start], key[:, :, :start], value[:, :, :start]
    begin_key, begin_value = first[1].transpose(-1, -2), first[2]
    outputs = [(first[0] @ begin_key + causal(start, query)).softmax(-1).to(value) @ begin_value]
    offset = start
    for many, length in shapes:
        span = slice(offset, offset + many * length)
        offset = span.stop
        mine, keys, values = (
            part[:, :, span].unflatten(2, (many, length)) for part in (query, key, value)
        )
        to_image = query[:, :, span] @ begin_key
        to_self = (mine @ keys.transpose(-1, -2) + causal(length, query)).flatten(2, 3)
        # one softmax over both: image and own words compete for the same attention
        shares = torch.cat([to_image, to_self], -1).softmax(-1).to(value)
        looks.append(shares)
        local = shares[..., start:].unflatten(2, (many, length)) @ values
        outputs.append(shares[..., :start] @ begin_value + local.flatten(2, 3))
    return torch.cat(outputs, 2)


def causal(length: int, like: Tensor) -> Tensor:
    """What is added to scores so that no word sees a later one, (length, length)."""
    return torch.full((length, length), HIDDEN, dtype=like.dtype, device=like.device).triu(1)
