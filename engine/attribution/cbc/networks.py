"""Networks that answer by components: what of them is seen in an image, and what that means.

Shallow: component k is an image w_k, detected with d_k(x) = exp(−‖x − w_k‖ / σ_k). Deep: a small
network of convolutions says at each place which component is there (softmax over components), and
d_k is the highest share anywhere. Class c then scores

    p_c(x) = Σ_k d_k r⁺_kc + (1 − d_k) r⁻_kc,    Σ_k r⁺_kc + r⁻_kc = 1,

where r⁺ is what the class wants to see and r⁻ what it wants not to see.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from engine.vision.models.small.shape import NARROW, NetworkShape, enter

NEGATIVE, POSITIVE, INDEFINITE, RBF = REASONINGS = (
    "present and absent",
    "present only",
    "indefinite",
    "RBF",
)
STATES: Mapping[str, int] = {NEGATIVE: 2, POSITIVE: 1, INDEFINITE: 3, RBF: 1}
SHALLOW, DEEP = NETWORKS = ("shallow", "deep")
NEARLY_EVEN = (0.6, 0.2)  # mean and spread of the first weights of a head
FREE = 20.0  # how much faster free weights move: detections differ by little
LEAST = 0.1  # detections of the deep form below this count as none when it is asked


class PrototypeHead(nn.Module):
    """From detections (N, K) to scores (N, C).

    Args:
        count: of components, K.
        classes: C.
        reasoning: NEGATIVE is the softmax over all 2K reasons of a class; POSITIVE has r⁻ = 0;
            INDEFINITE, of the older CBC, is a softmax over three states of each component, of which
            the third counts for nothing, and divides by what is left; RBF has free weights.
    """

    def __init__(self, count: int, classes: int, reasoning: str) -> None:
        super().__init__()
        self.reasoning, self.count = reasoning, count
        self.theta = nn.Parameter(torch.zeros(STATES[reasoning] * count, classes))
        self.bias = nn.Parameter(torch.zeros(classes)) if reasoning == RBF else None

    @torch.no_grad()
    def begin(self, generator: torch.Generator) -> None:
        """First weights, nearly even."""
        mean, spread = NEARLY_EVEN
        noise = torch.randn(self.theta.shape, generator=generator)
        # as published; a softmax does not see the mean, free weights would
        self.theta.copy_(mean - spread * noise if self.bias is None else spread * noise)

    def reasons(self) -> tuple[Tensor, Tensor]:
        """r⁺ and r⁻, (K, C) each; of RBF, the weights and nothing."""
        match self.reasoning:
            case "present and absent":
                plus, minus = self.theta.softmax(0).chunk(2)
                return plus, minus
            case "indefinite":
                plus, minus, _ = self.states()
                total = (plus + minus).sum(0)
                return plus / total, minus / total
            case "present only":
                plus = self.theta.softmax(0)
            case _:
                plus = FREE * self.theta
        return plus, torch.zeros_like(plus)

    def states(self) -> Tensor:
        """Of the older CBC, shares of positive, negative and indefinite reasoning, (3, K, C)."""
        return self.theta.view(3, self.count, -1).softmax(0)

    def ignored(self) -> Tensor:
        """The share of its components that a class leaves out of its answer, (C,)."""
        if self.reasoning != INDEFINITE:
            return torch.zeros(self.theta.shape[1])
        return self.states()[2].mean(0)

    def linear(self) -> tuple[Tensor, Tensor]:
        """Weights (K, C) and offset (C,) with which the scores are linear in the detections."""
        plus, minus = self.reasons()
        offset = minus.sum(0)
        return plus - minus, offset if self.bias is None else offset + self.bias

    def forward(self, detections: Tensor) -> Tensor:
        """Scores (N, C); between 0 and 1 but for RBF."""
        # Σ d r⁺ + (1 − d) r⁻ = d (r⁺ − r⁻) + Σ r⁻
        weights, offset = self.linear()
        return detections @ weights + offset


class Shallow(nn.Module):
    """Components are images: detected the more, the nearer an image is to them."""

    def __init__(self, shape: NetworkShape, count: int, reasoning: str) -> None:
        super().__init__()
        self.shape = shape
        self.places = nn.Parameter(torch.zeros(count, shape.channels * shape.side**2))
        # logarithms: no step can make a width 0 or negative
        self.log_widths = nn.Parameter(torch.zeros(count))
        self.head = PrototypeHead(count, shape.classes, reasoning)

    @property
    def widths(self) -> Tensor:
        """σ of each component, (K,)."""
        return self.log_widths.exp()

    def distances(self, images: Tensor) -> Tensor:
        """‖x − w_k‖ of images (N, 3, side, side), (N, K).

        In float64 as sums of squares, for proofs; else by a product of matrices, five times faster.
        """
        flat = enter(images, self.shape).flatten(1)
        mode = "donot_use_mm" if flat.dtype == torch.float64 else "use_mm"
        return torch.cdist(flat, self.places, compute_mode=f"{mode}_for_euclid_dist")

    def detections(self, images: Tensor) -> Tensor:
        """d_k, (N, K)."""
        return (-self.distances(images) / self.widths).exp()

    def forward(self, images: Tensor) -> Tensor:
        """Scores (N, C)."""
        return self.head(self.detections(images))

    @torch.no_grad()
    def begin(self, examples: Tensor, generator: torch.Generator) -> None:
        """Components are given images (K, 3, side, side); σ is their median distance."""
        self.places.copy_(enter(examples, self.shape).flatten(1))
        distances = torch.pdist(self.places)
        middle = float(distances.median()) if len(distances) else 1.0
        # where most examples are alike, their median distance is 0, by which detections divide
        self.log_widths.fill_(max(middle, 1e-3)).log_()
        self.head.begin(generator)


class PatchComponents(nn.Module):
    """Components are kinds of patches, told apart by two convolutions without padding.

    What stands at a place of the map is therefore decided by one square of `patch` pixels.
    """

    def __init__(self, shape: NetworkShape, count: int, reasoning: str) -> None:
        super().__init__()
        self.shape = shape
        kernel, self.jump = (3, 1) if shape.side < NARROW else (5, 2)
        self.patch = kernel + 2 * self.jump
        self.conv1 = nn.Conv2d(shape.channels, 16, kernel, self.jump)
        self.conv2 = nn.Conv2d(16, 32, 3)
        self.kinds = nn.Conv2d(32, count, 1)
        self.head = PrototypeHead(count, shape.classes, reasoning)

    def maps(self, images: Tensor) -> Tensor:
        """The share of each component at each place, (N, K, h, w)."""
        features = self.conv2(self.conv1(enter(images, self.shape)).relu()).relu()
        return self.kinds(features).softmax(1)

    def detections(self, images: Tensor) -> Tensor:
        """d_k, (N, K); those below LEAST are 0 when it is asked, not while it learns."""
        result = self.maps(images).amax((2, 3))
        return result if self.training else result * (result >= LEAST)

    def forward(self, images: Tensor) -> Tensor:
        """Scores (N, C)."""
        return self.head(self.detections(images))
