"""An accurate and a robust network as one: their probabilities are mixed.

The mixture's probability of class i is (1 - α) softmax(s_g g(x))_i + α softmax(s_h h(x))_i, where g
is the normal network and h the robust one. Where h puts its first class above every other one by a
margin m with α m >= 1 - α, the mixture says what h says, whatever g says.

Bai et al., "Improving the Accuracy-Robustness Trade-Off of Classifiers via Adaptive Smoothing"
(2023), https://arxiv.org/abs/2301.12554
"""

from functools import partial
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.vision.models.classifier import Classifier
from engine.vision.models.layers import capturing
from engine.vision.models.threads import at_once, one_thread
from engine.vision.training import Pgd, pgd

PAPER = (
    "Bai et al., Improving the Accuracy-Robustness Trade-Off of Classifiers via Adaptive Smoothing "
    "(2023), https://arxiv.org/abs/2301.12554"
)
LOW, HIGH = 0.5, 0.99  # between which the mixing network sets α
CHANNELS = 32  # of the mixing network
STEEP, RAISED = 2.0, 0.4  # of the normalized output of the mixing network, as published


class MixingNet(nn.Module):
    """Sets α for each image from what both networks see in it: high where it looks attacked.

    Two convolutions over the last maps of both networks, their mean, and one number γ.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, CHANNELS, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1),
            nn.ReLU(),
        )
        self.head = nn.Linear(CHANNELS, 1, bias=False)
        self.norm = nn.BatchNorm1d(1, affine=False, momentum=0.01)

    def forward(self, maps: Tensor) -> Tensor:
        """γ of each image, (N,), from the joined maps (N, C, h, w)."""
        gamma: Tensor = self.norm(self.head(self.body(maps).mean((2, 3))))[:, 0]
        # in training and afterwards alike; the authors raise by 1.3 once it is trained
        return STEEP * gamma + RAISED


class Mixture(nn.Module):
    """Log-probabilities of the mixture of two networks, so that losses of logits apply.

    Args:
        normal: g, the accurate network.
        robust: h, of the same size and classes.
        alpha: the share of h from 0 to 1; of an adaptive mixture, a mixing network.
        scales: s_g and s_h, of the logits.
    """

    def __init__(
        self,
        normal: Classifier,
        robust: Classifier,
        alpha: float | MixingNet,
        scales: tuple[float, float] = (1.0, 1.0),
    ) -> None:
        super().__init__()
        self.normal, self.robust, self.scales = normal, robust, scales
        self.mixing = alpha if isinstance(alpha, MixingNet) else None
        self.alpha = 0.5 if isinstance(alpha, MixingNet) else alpha
        self.train(mode=False)

    def train(self, mode: bool = True) -> Self:  # as in torch
        """The mixing network may learn; both networks stay as they are."""
        super().train(mode)
        self.normal.eval()
        self.robust.eval()
        return self

    def forward(self, pixels: Tensor) -> Tensor:
        """Log-probabilities (N, classes) of pixels (N, 3, H, W) in [0, 1]."""
        return self.parts(pixels)[0]

    def parts(self, pixels: Tensor) -> tuple[Tensor, Tensor | None]:
        """Log-probabilities, and γ (N,) of an adaptive mixture."""
        gamma = None
        if self.mixing is None:
            normal, robust = self.normal(pixels), self.robust(pixels)
            alpha = torch.full((len(pixels), 1), float(self.alpha), device=normal.device)
        else:
            normal, robust, maps = network_outputs(self.normal, self.robust, pixels)
            gamma = self.mixing(maps)
            alpha = (LOW + (HIGH - LOW) * gamma.sigmoid())[:, None]
        return mixed_log_probabilities(
            self.scales[0] * normal, self.scales[1] * robust, alpha
        ), gamma

    def alphas(self, pixels: Tensor) -> Tensor:
        """α of each image, (N,)."""
        _, gamma = self.parts(pixels)
        if gamma is None:
            return torch.full((len(pixels),), float(self.alpha), device=pixels.device)
        return LOW + (HIGH - LOW) * gamma.sigmoid()


def network_outputs(
    normal: Classifier, robust: Classifier, pixels: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Logits of both networks, and their last maps, joined, (N, C, h, w)."""
    with capturing(tap(normal)) as normal_features, capturing(tap(robust)) as other_normal_features:
        logits = normal(pixels), robust(pixels)
    return *logits, torch.cat([normal_features[0], other_normal_features[0]], 1)


def tap(model: Classifier) -> Any:
    """The layer whose map the mixing network sees: the last one."""
    last = model.last_map
    if last is None:
        raise ValueError(f"{model.title} has no map")
    return model.layer(last.name)


def mixed_log_probabilities(normal: Tensor, robust: Tensor, alpha: Tensor) -> Tensor:
    """Log of the mixed probabilities of two rows of logits (N, classes), with α (N, 1).

    Probabilities are mixed and not logits, whose scales differ. In logarithms, since a sum of
    probabilities that round to 0 has no gradient, and an attack would fail for no good reason.
    """
    normal_log, other_normal_log = normal.log_softmax(1), robust.log_softmax(1)
    # at α = 0 and 1 one side is −∞ throughout, and drops out of the sum
    return torch.logaddexp(torch.log1p(-alpha) + normal_log, alpha.log() + other_normal_log)


def margin(logits: Tensor) -> Tensor:
    """How far the first class's probability lies above the second's, (N,)."""
    best = logits.softmax(1).topk(2, dim=1).values
    return best[:, 0] - best[:, 1]


def certain(alpha: float | Tensor, margins: Tensor) -> Tensor:
    """Where the mixture says what the robust network says, whatever the other one says, (N,)."""
    return alpha * margins >= 1 - torch.as_tensor(alpha)


def smoothed_radius(alpha: float, sigma: float, first: float, second: float) -> float:
    """The L2 radius within which a mixture with a smoothed network keeps its class.

    Args:
        alpha: the share of the smoothed network, above 0.
        sigma: of the Gaussian noise that smooths it.
        first: a lower bound of its probability of the class.
        second: an upper bound of that of any other class.
    """
    from scipy.special import ndtri

    other = (1 - alpha) / alpha
    if first <= second + other:
        return 0.0
    # the other network at its worst: nothing for this class, all for one other; Φ⁻¹(1) is infinite
    ends = ndtri(min(first / (1 + other), 1 - 1e-12)), ndtri((second + other) / (1 + other))
    return float(max(0.0, sigma / 2 * (ends[0] - ends[1])))


def other_first(logits: Tensor, targets: Tensor) -> Tensor:
    """How far the best wrong class lies above the right one, the mean over images."""
    target_logits = logits.gather(1, targets[:, None])[:, 0]
    others = logits.scatter(1, targets[:, None], -torch.inf).amax(1)
    # does not level off where the model is sure of itself, as cross-entropy's slope does
    return (others - target_logits).mean()


LOSSES = (F.cross_entropy, other_first)


def attack_both_losses(
    model: nn.Module, images: Tensor, targets: Tensor, attack: Pgd, seed: int
) -> list[Tensor]:
    """Images (N, C, H, W) attacked once for each of two losses."""
    return at_once(
        [
            partial(pgd, model, images, targets, attack, torch.Generator().manual_seed(seed), loss)
            for loss in LOSSES
        ]
    )


def is_correct(model: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
    """Which images (N, C, H, W) are answered right, (N,)."""
    with torch.no_grad(), one_thread():
        answers: Tensor = model(images.expand(-1, 3, -1, -1)).argmax(1)
    return answers == targets
