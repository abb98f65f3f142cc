"""What a model thinks of words that it is made to say: one pass over prompt and answer."""

import torch
from torch import Tensor

from engine.vision.language.vlm import VLM, RequestedOutputs


@torch.no_grad()
def forced(vlm: VLM, images: Tensor | None, prompt: Tensor, answer: Tensor) -> Tensor:
    """Log-probabilities over all tokens at every place of an answer, (B, n, V).

    Args:
        vlm: the model.
        images: normalized pixels (B, 3, H, W), or None for text alone.
        prompt: (P,) tokens, the same for all.
        answer: (n,) tokens of the answer; place i is read behind the first i of them.
    """
    count = 1 if images is None else len(images)
    # the last word is judged, not read: nothing comes behind it
    text = torch.cat([prompt, answer[:-1]]).expand(count, -1)
    image_states = None if images is None else vlm.encode_image(images)
    last = vlm.spec.layers
    out, _ = vlm.prefill(image_states, text, RequestedOutputs(hidden=(last,), rows="all"))
    return vlm.unembed(out.hidden[last][:, -len(answer) :]).log_softmax(-1)
