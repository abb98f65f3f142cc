"""One image under attack, as a normal network, a robust one and their mixture read it.

Bai et al., "Improving the Accuracy-Robustness Trade-Off of Classifiers via Adaptive Smoothing"
(2023), https://arxiv.org/abs/2301.12554
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.attribution.adasmooth.mixing import mixing_of
from engine.attribution.adasmooth.mixture import (
    LOSSES,
    PAPER,
    MixingNet,
    Mixture,
    certain,
    margin,
    other_first,
)
from engine.core.method import Case, Choice, Method, Progress, Slider, part_of, quiet, setting
from engine.core.pictures import amplified_difference, as_bytes
from engine.core.result import Pictures, Result, Table
from engine.evaluation.measures.levels import TOP, levels_of, levels_to_pixels, round_change
from engine.evaluation.measures.likeness import visible
from engine.vision import data as data_sets
from engine.vision.case import ImageCase
from engine.vision.models import catalog
from engine.vision.models.classifier import Classifier
from engine.vision.models.threads import one_thread
from engine.vision.training import Pgd, pgd

ROBUST = "-robust"
NETS = ("normal", "robust", "mixture")
FIXED, BY_IMAGE = "fixed α", "nonlinear (α by image)"
AMPLIFIED = 3  # times, in the picture of the difference


@dataclass(frozen=True)
class MixedAnswers(Method[ImageCase]):
    """What the image is read as when it is attacked, by the two networks and by their mixture.

    α is the share of the robust network. With a fixed α, the mixture is one weighted mean of both
    networks' probabilities. In *nonlinear mixing* a small network sees both and sets α for each
    image from 0.5 to 0.99, higher where it looks attacked; its gradient is attacked with the rest.
    It learns from clean and attacked training images at the first such question. The attack moves
    every pixel by at most ε, by steps along the gradient of what is attacked, away from what the
    model of the sidebar's image is asked about. The attacked image is rounded to 8 bits, still
    within ε, and the networks are asked again about the picture that is shown. The answer is
    *certain* where the robust network's lead m is so large that the other one cannot change it:
    α m ≥ 1 - α. That holds for the attacked image as it is, and says nothing about what another
    attack would do to the robust network.
    """

    name = "MixedAnswers"
    family = "attribution"
    title = "The mixture on an image"
    cost = "wait"  # nonlinear mixing teaches a network at its first question
    paper = PAPER
    revision = 4
    needs = frozenset({"class", "one of many"})
    proof = (
        "tests/engine/attribution/adasmooth/test_mixed_answers.py"
        "::test_answers_are_those_of_an_attack_written_out"
    )

    mixing: str = setting(
        FIXED,
        Choice((FIXED, BY_IMAGE)),
        "Mixing",
        "A fixed α, or a small network that sets α for each image by how attacked it looks.",
    )
    alpha: float = setting(
        0.6,
        Slider(0.0, 1.0, 0.05),
        "Share of the robust network",
        "α: 0 is the normal network alone, 1 the robust one. Of fixed mixing.",
    )
    epsilon: float = setting(
        0.2, Slider(0.0, 0.4, 0.02), "Attack", "How far it may move each pixel, of 1; 0 for none."
    )
    steps: int = setting(20, Slider(5, 50, 5), "Steps", "Of the attack.")
    against: str = setting(
        NETS[2], Choice(NETS), "Attacked for", "The network whose gradient the attack follows."
    )

    @classmethod
    def unmet(cls, case: Case) -> str:
        """There is no such pair of most models."""
        if reason := super().unmet(case):
            return reason
        if isinstance(case, ImageCase) and pair_names(case.model.name):
            return ""
        return (
            "it needs a network that ships in two kinds, normal and adversarially trained: those "
            "of digits and of MNIST."
        )

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Views: picture; answers, the probabilities of all classes on the attacked image; numbers.

        Numbers: for the clean and the attacked image α, the margin of the robust network, what it
        needs to be, whether the answer is certain, and the class that the mixture names. Both
        images are asked about as they are shown, in whole gray levels.
        """
        normal, robust = (catalog.load(name).twin() for name in pair_names(case.model.name))
        mixture = Mixture(normal, robust, self.share(normal, robust, progress))
        gray = case.image.mean(0, keepdim=True)[None]  # as these networks see it
        image = levels_to_pixels(levels_of(gray)).to(normal.device)
        target = torch.tensor([case.target.index], device=normal.device)
        moved = self.attacked(
            dict(zip(NETS, (normal, robust, mixture), strict=True))[self.against],
            image,
            target,
            mixture,
            case.seed,
        )
        progress(0.8, "attacked")
        with torch.no_grad():
            wide = torch.cat([image, moved]).expand(-1, 3, -1, -1)
            logits = robust(wide)
            chances = {
                "normal": normal(wide).softmax(1),
                "robust": logits.softmax(1),
                "mixture": mixture(wide).exp(),
            }
            margins, alphas = margin(logits), mixture.alphas(wide)
        progress(1.0, "asked")
        before, after = as_bytes(wide.cpu())
        needed = ((1 - alphas) / alphas).cpu().numpy()  # infinite where α is 0
        predictions = chances["mixture"].argmax(1).cpu().numpy()
        return {
            "picture": Pictures(
                np.stack([before, after, amplified_difference(before, after, AMPLIFIED)])[None],
                ("",),
                ("image", "attacked", f"difference × {AMPLIFIED}"),
                f"Every pixel is moved by at most {self.epsilon:g} of 1."
                if self.epsilon
                else "Nothing was changed.",
            ),
            "answers": Table.of(
                {name: (chance[1].cpu().numpy(), "share") for name, chance in chances.items()},
                case.model.labels,
            ),
            "numbers": Table.of(
                {
                    "margin": (margins.cpu().numpy(), "share"),
                    "needed": (needed, "share"),
                    "certain": (certain(alphas, margins).cpu().numpy().astype(np.int64), ""),
                    "says": (predictions, ""),
                    "alpha": (alphas.cpu().numpy(), ""),
                },
                ("clean", "attacked"),
            ),
        }

    def share(
        self, normal: Classifier, robust: Classifier, progress: Progress
    ) -> float | MixingNet:
        """α, or what sets it for each image."""
        if self.mixing == FIXED:
            return self.alpha
        data = data_sets.load(catalog.data_of(normal))
        return mixing_of(normal, robust, data, part_of(progress, 0.0, 0.7))

    def attacked(
        self, model: torch.nn.Module, image: Tensor, target: Tensor, mixture: Mixture, seed: int
    ) -> Tensor:
        """The image after the attack, of two losses, that harms the mixture most.

        Args:
            model: the network whose gradient is followed.
            image: (1, 1, H, W), in whole levels of 1/255, as is what is returned.
            target: the class that is attacked, (1,).
            mixture: what is to be harmed.
            seed: of the random start.
        """
        attack = Pgd(self.epsilon, self.steps, 2.5 * self.epsilon / self.steps)
        with one_thread():
            results = [
                pgd(model, image, target, attack, torch.Generator().manual_seed(seed), loss)
                for loss in LOSSES
            ]
            trials = [self.in_levels(image, result) for result in results]
            with torch.no_grad():
                harm = [
                    other_first(mixture(trial.expand(-1, 3, -1, -1)), target) for trial in trials
                ]
        return trials[int(torch.stack(harm).argmax())]

    def in_levels(self, image: Tensor, attacked: Tensor) -> Tensor:
        """An attacked image as it is shown: whole levels of 1/255, each within ε of the image's."""
        levels = levels_of(image)
        change = round_change(levels, attacked, self.epsilon * TOP, "L∞")
        return levels_to_pixels(levels + change).to(image.device)

    def finding(self, case: ImageCase, result: Mapping[str, Any]) -> str:
        """What the attacked image is read as by each, and whether the mixture could be turned."""
        answers: Table = result["answers"]
        labels = case.model.labels
        readings = ", ".join(f"{name} {labels[int(np.argmax(answers[name]))]}" for name in NETS)
        certainty = result["numbers"].cell("attacked", "certain")
        margin_, needed = (
            result["numbers"].cell("attacked", column) for column in ("margin", "needed")
        )
        lead = f"the robust network leads by {100 * margin_:.0f} points"
        if self.mixing == BY_IMAGE:
            lead = f"α is {result['numbers'].cell('attacked', 'alpha'):.2f}, and {lead}"
        read = "Attacked, it is read as" if self.epsilon else "Nothing was changed. It is read as"
        images = result["picture"].images[0]
        visibility = visible(images[0], images[1])
        if certainty:
            return f"{read}: {readings}. The normal network cannot change that: {lead}.{visibility}"
        more = (
            "it has no say at α = 0"
            if not np.isfinite(needed)
            else (f"{lead}, and {100 * needed:.0f} are needed")
        )
        return f"{read}: {readings}. The normal network could change that: {more}.{visibility}"


def pair_names(name: str) -> tuple[str, str] | tuple[()]:
    """The normal and the robust network of the kind of a model; none where there are not both."""
    stem = name.removesuffix(ROBUST)
    names = stem, f"{stem}{ROBUST}"
    return names if all(catalog.ships(network) for network in names) else ()
