"""Adaptive smoothing as an experiment: an accurate and a robust network, mixed by one dial.

Bai et al., "Improving the Accuracy-Robustness Trade-Off of Classifiers via Adaptive Smoothing"
(2023), https://arxiv.org/abs/2301.12554
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from engine.attribution.adasmooth.apgd import strongly
from engine.attribution.adasmooth.claims import (
    ADAPTIVE,
    ALPHAS,
    ATTACKED,
    ATTACKS_AUC,
    BROKEN,
    CLAIMS,
    CLEAN,
    GAP,
    SURE,
    alpha_condition,
)
from engine.attribution.adasmooth.drawings import CERTIFICATES, PLANE
from engine.attribution.adasmooth.mixing import EPOCHS, EPSILON, learned_mixing, quick
from engine.attribution.adasmooth.mixture import (
    PAPER,
    Mixture,
    attack_both_losses,
    certain,
    is_correct,
    margin,
)
from engine.attribution.adasmooth.smoothed import certified
from engine.core.errors import BlindspotError
from engine.core.keeping.memory import Memory
from engine.core.method import Progress, Slider, defaults, part_of, quiet, setting
from engine.core.pictures import as_bytes
from engine.core.result import Pictures, Result, Table
from engine.core.run import answer, digest
from engine.evaluation.experiment import ExperimentCase, Figures
from engine.evaluation.kept_experiment import KeptExperiment
from engine.evaluation.measures.detection import auroc
from engine.vision.data import DataSet
from engine.vision.lab import Train, TrainCase
from engine.vision.models import catalog, embedded
from engine.vision.models.classifier import Classifier
from engine.vision.models.rebuild import rebuilt
from engine.vision.training import Pgd

NETWORKS = {  # by data set: both networks, whose recipes are in assets/weights
    "mnist-5k": ("mnist-cnn", "mnist-cnn-robust"),
    "digits": ("digits-cnn", "digits-cnn-robust"),
}
DIALS = (0.6, 0.75, 0.9, 1.0)  # the α for which images are certified
PICTURED_IMAGES = 6  # images in the picture
_ATTACKED: Memory[list[Tensor]] = Memory(2)  # for each network alone, the same for every α


@dataclass(frozen=True)
class AdaptiveSmoothing(KeptExperiment):
    """Can a network be accurate and robust, if it is two?

    A normal network is right more often, one trained on attacked images (PGD) withstands attacks.
    Their probabilities are mixed: α is the share of the robust one. Every mixture is attacked
    itself, by plain steps and by APGD, for two losses each, and images attacked for either network
    alone are tried on it as well; an image counts as right when no attack succeeds. *Certain* are
    attacked images at which the robust network is so sure that the other one cannot change the
    answer (α m ≥ 1 - α, where m is by how much its first class leads). In *nonlinear mixing*, α by
    image, a small network looks for attacks and sets α from 0.5 to 0.99; it is attacked too.
    Certificates by radius hold for a mixture with the robust network smoothed by Gaussian noise,
    with a risk of 0.1 % for each image; they are about its votes, not about the network as it is.
    An attack that fails proves nothing.
    """

    name = "AdaptiveSmoothing"
    family = "attribution"
    title = "Mix an accurate and a robust network"
    paper = PAPER
    question = "Can a network be accurate on clean images and robust under attack?"
    proof = (
        "tests/engine/attribution/adasmooth/test_adaptive.py"
        "::test_figures_are_those_of_mixtures_attacked_by_hand"
    )
    example = defaults(images=10, steps=5, seeds=1)
    certified_images: ClassVar[int] = 60
    example_constants = defaults(certified_images=2)
    data = tuple(NETWORKS)
    measures = (CLEAN, ATTACKED, SURE, BROKEN, GAP, ATTACKS_AUC)
    charted = (CLEAN, ATTACKED)
    claims = CLAIMS
    drawings = (CERTIFICATES,)
    main_drawing = PLANE
    revision = 2

    epsilon: float = setting(
        EPSILON, Slider(0.02, 0.4, 0.02), "Attack", "How far an attack may move each pixel, of 1."
    )
    steps: int = setting(20, Slider(5, 50, 5), "Steps", "Of each attack.")
    images: int = setting(200, Slider(10, 1000, 10), "Test images", "How many are attacked.")
    normal_scale: float = setting(
        1.0,
        Slider(0.2, 3.0, 0.1),
        "Scale of the normal network's logits",
        "Above 1, it is made surer of what it says.",
    )
    robust_scale: float = setting(
        1.0,
        Slider(0.1, 2.0, 0.1),
        "Scale of the robust network's logits",
        "Below 1, it is made less sure of what it says.",
    )
    epochs: int = setting(
        EPOCHS, Slider(1, 10, 1), "Epochs of the mixing network", "How often it sees each image."
    )

    @property
    def attack(self) -> Pgd:
        """Plain steps, which together could go 2.5 times as far."""
        return Pgd(self.epsilon, self.steps, 2.5 * self.epsilon / self.steps)

    def attacked(
        self, model: nn.Module, images: Tensor, targets: Tensor, seed: int
    ) -> list[Tensor]:
        """Images attacked by plain steps and by APGD, for two losses each: what is measured by."""
        plain = attack_both_losses(model, images, targets, self.attack, seed)
        return plain + strongly(model, images, targets, self.epsilon, self.steps, seed)

    @property
    def scales(self) -> tuple[float, float]:
        """Of both networks' logits."""
        return self.normal_scale, self.robust_scale

    def conditions(self, case: ExperimentCase) -> Mapping[str, float | None]:  # noqa: ARG002
        """Fixed α from the normal to the robust network, and α by image (None)."""
        return {alpha_condition(alpha): alpha for alpha in ALPHAS} | {ADAPTIVE: None}

    def before(self, case: ExperimentCase) -> str:  # noqa: ARG002
        """What is trained and attacked."""
        return (
            f"Two networks for each of {self.seeds} seeds, those of the first come with Blindspot; "
            f"{len(ALPHAS) + 1} mixtures of them are attacked on {self.images} test images each. "
            "It can be stopped and resumed: each that is done is kept."
        )

    def condition(
        self, name: str, case: ExperimentCase, progress: Progress
    ) -> tuple[Figures, Result]:
        """Those of one mixture, and its place in the plane of both accuracies."""
        normal, robust = pair_of(case, part_of(progress, 0.0, 0.6))
        alpha: Any = self.conditions(case)[name]
        if alpha is None:
            alpha = learned_mixing(
                normal,
                robust,
                case.data,
                self.scales,
                quick(self.epsilon),
                self.epochs,
                case.seed,
                part_of(progress, 0.6, 0.8),
            )
        result = self.measured(Mixture(normal, robust, alpha, self.scales), case)
        progress(1.0, "attacked")
        both = {measure: ([result[measure]], "share") for measure in (CLEAN, ATTACKED)}
        return result, {"plane": Table.of(both, [name])}

    def more(self, case: ExperimentCase) -> Result:
        """With the case's seed: the share of images that are certified, by radius."""
        count = self.certified_images
        return {"certified": certified(*pair_of(case), case.data, DIALS, count, case.seed)}

    def measured(self, mixture: Mixture, case: ExperimentCase) -> Figures:
        """Right answers on clean and attacked images, certain ones, sureness, attacks found."""
        images, targets = class_balanced_images(
            case.data, self.images, case.seed, mixture.normal.device
        )
        moved = self.attacked(mixture, images, targets, case.seed)
        name = f"{digest(self, case)} {mixture.normal.fingerprint}"
        others = _ATTACKED.made(
            name,
            lambda: [
                adversarial
                for net in (mixture.normal, mixture.robust)
                for adversarial in self.attacked(net, images, targets, case.seed)
            ],
        )
        clean = is_correct(mixture, images, targets)
        resisted = clean.clone()
        for batch in (*moved, *others):
            resisted &= is_correct(mixture, batch, targets)
        with torch.no_grad():
            wide = torch.cat(moved).expand(-1, 3, -1, -1)
            robust = mixture.scales[1] * mixture.robust(wide)
            safe = certain(mixture.alphas(wide), margin(robust))
            unlike = mixture(wide).argmax(1) != robust.argmax(1)
            plain = images.expand(-1, 3, -1, -1)
            scores = [mixture.alphas(pixels).cpu().numpy() for pixels in (wide, plain)]
        result = float("nan") if mixture.mixing is None else auroc(scores[1], scores[0])
        return {
            CLEAN: clean.float().mean().item(),
            ATTACKED: resisted.float().mean().item(),
            SURE: safe.float().mean().item(),
            BROKEN: (safe & unlike).float().mean().item(),
            GAP: surer(mixture.robust, plain, wide, targets),
            ATTACKS_AUC: result,
        }

    def picture(self, case: ExperimentCase) -> Pictures:
        """Test images, attacked for the normal network, and what each network says of them."""
        normal, robust = shipped_networks(case.data)
        images, targets = class_balanced_images(
            case.data, PICTURED_IMAGES, case.seed, normal.device
        )
        mixture = Mixture(normal, robust, 0.5, self.scales)
        moved = attack_both_losses(
            normal, images, targets, replace(self, steps=10).attack, case.seed
        )[0]
        rows, captions = [], []
        for batch in (images, moved):
            wide = batch.expand(-1, 3, -1, -1)
            with torch.no_grad():
                predictions = [net(wide).argmax(1).tolist() for net in (normal, robust, mixture)]
            rows.append(as_bytes(wide.cpu()))
            captions += [
                f"normal {case.data.classes[a]}, robust {case.data.classes[b]}, "
                f"mixed {case.data.classes[c]}"
                for a, b, c in zip(*predictions, strict=True)
            ]
        right_counts = [
            sum(
                caption.split(", ")[at].split()[1] == case.data.classes[int(label)]
                for caption, label in zip(captions[len(images) :], targets, strict=True)
            )
            for at in range(3)
        ]
        return Pictures(
            np.stack(rows),
            ("clean", "attacked"),
            tuple(case.data.classes[int(label)] for label in targets),
            f"Images attacked for the normal network: it reads {right_counts[0]} of "
            f"{len(images)} right, "
            f"the robust one {right_counts[1]}, an even mixture {right_counts[2]}.",
            captions=tuple(captions),
        )


def pair_of(case: ExperimentCase, progress: Progress = quiet) -> tuple[Classifier, Classifier]:
    """The normal and the robust network of a seed: those that ship, or trained by their recipes."""
    if case.seed == 0 and case.data.name in NETWORKS:
        return shipped_networks(case.data)
    word = catalog.word_of(case.data.name)
    plans = [embedded.plan(name) for name in NETWORKS.get(word, NETWORKS["digits"])]
    results = []
    for number, plan in enumerate(plans):
        part = part_of(progress, number / 2, (number + 1) / 2, lead=plan.title)
        training = TrainCase(case.data, plan.recipe, case.seed)
        results.append(laid_out(rebuilt(answer(Train(), training, part)["model"])))
    return results[0], results[1]


def shipped_networks(data: DataSet) -> tuple[Classifier, Classifier]:
    """Copies of both networks that come with Blindspot. Raises BlindspotError for other data."""
    names = NETWORKS.get(catalog.word_of(data.name))
    if names is None:
        raise BlindspotError(
            f"No normal and robust network of {data.card.title} ship: choose "
            f"{' or '.join(NETWORKS)}."
        )
    normal, other_normal = (laid_out(catalog.load(name).twin()) for name in names)
    return normal, other_normal


def laid_out(network: Classifier) -> Classifier:
    """The same network with its channels last, in which an attack takes half the time."""
    network.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it
    return network


def class_balanced_images(
    data: DataSet, count: int, seed: int, device: torch.device | None = None
) -> tuple[Tensor, Tensor]:
    """Test images (n, C, H, W) in [0, 1], as many of each class, and their classes."""
    rows = data.some("test", count, seed)
    images = torch.from_numpy(data.images[rows] / np.float32(255))
    return images.to(device), data.targets(rows).to(device)


def forget_attacked() -> None:
    """Let go of the images attacked for either network alone, so that they are attacked anew."""
    _ATTACKED.clear()


def surer(robust: Classifier, clean: Tensor, moved: Tensor, targets: Tensor) -> float:
    """The mean margin on clean images that are read right, less that on all that are misread.

    NaN where none is misread.
    """
    clean_and_moved = [robust(pixels) for pixels in (clean, moved)]
    good = clean_and_moved[0].argmax(1) == targets
    # attacks stand one after the other, each of all images
    wrong = [~good, clean_and_moved[1].argmax(1) != targets.repeat(len(moved) // len(targets))]
    misread = torch.cat(
        [margin(logits)[at] for logits, at in zip(clean_and_moved, wrong, strict=True)]
    )
    return (margin(clean_and_moved[0])[good].mean() - misread.mean()).item()
