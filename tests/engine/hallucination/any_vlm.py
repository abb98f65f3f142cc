"""Questions to a model of any kind: the untrained TinyVLM, or a random one of transformers."""

import torch

from engine.vision.language.vlm import RequestedOutputs
from engine.vision.models.extras import TRANSFORMERS
from tests.engine.hallucination import tiny, tiny_hf

KINDS = ("tiny", *(tiny_hf.KINDS if TRANSFORMERS.installed else ()))
QUESTION = "is there a boat"
ANSWER_TOKENS = torch.tensor([[40, 21, 30, 55, 80], [12, 60, 33, 20, 71]])
EVERY = RequestedOutputs(hidden=(0, 1, 2, 3), attention=(0, 1, 2), rows="all")


def model(kind):
    return tiny.untrained() if kind == "tiny" else tiny_hf.model(kind)


def prompt_ids(vlm, text=QUESTION, count=1):
    return torch.tensor([vlm.tokenizer.encode(text)]).repeat(count, 1)


def images(vlm, count=1):
    return vlm.normalize(tiny_hf.pixels(2, vlm.spec.side)[:count])


@torch.no_grad()
def opened(kind, count=2, want=EVERY):
    """The model, and its output and prefix behind the question."""
    vlm = model(kind)
    image_features = vlm.encode_image(images(vlm, count))
    return vlm, *vlm.prefill(image_features, prompt_ids(vlm, count=count), want)


@torch.no_grad()
def stepped(vlm, out, tokens):
    """Logits after each token, (B, n, V), and the last output."""
    results = []
    for token in tokens.T:
        out = vlm.step(token, out.cache, RequestedOutputs(attention=(0, 1, 2)))
        results.append(out.logits)
    return torch.stack(results, 1), out
