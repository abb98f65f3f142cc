"""LST written again slowly, in NumPy and as the paper has it, on a small network by hand."""

import numpy as np
import torch

from engine.vision.case import ImageCase, PairCase
from engine.vision.case.target import Target
from engine.vision.models.pace import Pace
from tests import tiny


def in_float64(model):
    """The model in float64; its pace is given, because paces are tried in float32."""
    model._paces |= {use: Pace(4, False, use, 0.0) for use in ("exact", "gradient")}
    return model.double()


def pairs(model, count=1, low=0.3, high=0.7):
    """Sources and targets (count, 3, side, side) inside [low, high], and the seen classes."""
    images = torch.stack([tiny.image(model.side, seed) for seed in range(1, 2 * count + 1)])
    images = (low + (high - low) * images).to(model.mean.dtype)
    sources, targets = images[:count], images[count:]
    with torch.no_grad():
        return sources, targets, model(sources).argmax(1)


class Network:
    """softmax(V tanh(W x + b) + c) with its gradient, everything spelled out."""

    def __init__(self, model):
        state = {k: v.double().numpy() for k, v in model.network.state_dict().items()}
        self.W, self.b = state["first.weight"], state["first.bias"]
        self.V, self.c = state["last.weight"], state["last.bias"]

    def probabilities(self, x):
        logits = self.V @ np.tanh(self.W @ x + self.b) + self.c
        grown = np.exp(logits - logits.max())
        return grown / grown.sum()

    def cross_entropy_gradient(self, x, y):
        hidden = np.tanh(self.W @ x + self.b)
        wrong = self.probabilities(x)
        wrong[y] -= 1.0
        return self.W.T @ ((1 - hidden**2) * (self.V.T @ wrong))


def lst(network, source, target, y, eta, steps, epsilon, delta, stop="retry"):
    """Every x of one walk, and which steps were accepted."""
    x, memory = source.copy(), np.zeros_like(source)
    reference = network.probabilities(source)[y]
    path, accepted = [x], []
    for _ in range(steps):
        g = network.cross_entropy_gradient(x, y)
        way = target - x
        across = way - g * (g @ way) / (g @ g)
        if epsilon is not None:
            memory = np.clip(memory + epsilon / 2 * g, -epsilon, epsilon)
        proposal = np.clip(x + eta * across - memory, 0, 1)
        good = reference - network.probabilities(proposal)[y] < delta
        x = proposal if good else x
        path.append(x)
        accepted.append(good)
        if stop == "first" and not good:
            break
    return np.array(path), np.array(accepted)


def linear_pair(targets=1, side=8):
    """Two linear logits with a pair that stays inside the box, and the confidence by hand."""
    weight = 0.1 * torch.randn(3, side, side, generator=tiny.seeded(3))
    model = tiny.classifier(tiny.Linear(weight), side, "linear")
    case = tiny.pair_case(model, targets)
    source, *others = (0.35 + 0.3 * image for image in (case.source.image, *case.others))
    label = int(model.logits(source[None])[0].argmax())
    case = PairCase(ImageCase(model, source, Target(label)), tuple(others))
    sign = 1.0 if label else -1.0

    def confidence(image):
        score = sign * float((np.asarray(image, np.float64) * weight.double().numpy()).sum())
        return 1 / (1 + np.exp(-score))

    return case, confidence


def linear_end(case, target, eta, steps):
    """Where a walk on two linear logits ends, without noise and memory."""
    w = case.model.network.weight.double()
    way = (target - case.source.image).double()
    across = way - w * (way * w).sum() / w.square().sum()
    return (case.source.image + (1 - (1 - eta) ** steps) * across).numpy()
