"""Robust against plain prototypes: certified and attacked accuracy, the same images for all."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from engine.attribution.cbc.attack import AttackBudget
from engine.attribution.cbc.certificate import Leads
from engine.attribution.cbc.learning import PAPER, in_doubles, leads
from engine.attribution.cbc.network import PrototypeNetwork
from engine.attribution.cbc.networks import INDEFINITE, NEGATIVE, POSITIVE, RBF, SHALLOW, Shallow
from engine.core.method import Method, Progress, Slider, defaults, part_of, quiet, setting
from engine.core.result import Result, Table
from engine.core.run import answer
from engine.evaluation.experiment import ExperimentCase
from engine.vision.data import DataSet, Rows
from engine.vision.models.classifier import Classifier

PLAIN, CBC, WIDE, CERTIFIED = (
    "RBF, free weights",
    "CBC",
    "CBC, large margin",
    "CBC, trained by the certificate",
)
ONLY, OLD = "CBC, present only", "old CBC (indefinite)"
CURVES = (PLAIN, CBC, WIDE, CERTIFIED)
FORMS = (*CURVES, ONLY, OLD)
LEARNED = 0.6  # share of the progress until all networks are there
INSIDE = 0.999  # of a certified radius, at which the attack must fail
FAR = 5.0  # times the certified radius, where it should succeed now and then
DISTANCES = 9


@dataclass(frozen=True)
class PrototypeRobustness(Method[ExperimentCase]):
    """How many images stay right when they are changed: proved, and under attack.

    Each network meets the same test images. *Certified* counts right answers of which it is proved
    that no change of that size can turn them; *attacked* counts those that the attack, which knows
    the network, could not turn. The truth lies between the two. At a little less than each
    certified radius the attack tries again without keeping pixels between 0 and 1: a single success
    would refute the proof.
    """

    name = "PrototypeRobustness"
    family = "attribution"
    title = "Robust against plain prototypes"
    cost = "job"
    paper = PAPER
    proof = (
        "tests/engine/attribution/cbc/test_robustness.py"
        "::test_certified_and_attacked_accuracy_are_those_of_images_asked_one_by_one"
    )
    example = defaults(components=6, epochs=3, images=10, tries=1, farthest=1.0)
    argument_defaults = defaults(data="mnist-5k")

    components: int = setting(30, Slider(4, 60, 1), "Prototypes", "How many each network has.")
    margin: float = setting(
        0.025, Slider(0.005, 0.6, 0.005), "Small margin", "Of all networks but one."
    )
    large: float = setting(
        0.2, Slider(0.01, 0.6, 0.01), "Large margin", "That one network is trained with."
    )
    robust: float = setting(
        0.3, Slider(0.05, 2.0, 0.05), "Trained for a radius", "By the certificate."
    )
    epochs: int = setting(30, Slider(1, 100, 1), "Epochs", "How long each network learns.")
    images: int = setting(
        300, Slider(10, 1000, 10), "Test images", "How many are certified and attacked."
    )
    farthest: float = setting(
        1.2, Slider(0.2, 10.0, 0.1), "Farthest change", "Where the curves end."
    )
    tries: int = setting(
        3, Slider(1, 20, 1), "Tries of the attack", "How many starts it has for each image."
    )

    def learners(self) -> Mapping[str, PrototypeNetwork]:
        """How each network is trained."""

        def one(reasoning: str, margin: float, robust: float = 0.0) -> PrototypeNetwork:
            return PrototypeNetwork(
                SHALLOW, reasoning, self.components, margin, robust, self.epochs
            )

        return {
            PLAIN: one(RBF, self.margin),
            CBC: one(NEGATIVE, self.margin),
            WIDE: one(NEGATIVE, self.large),
            CERTIFIED: one(NEGATIVE, self.margin, self.robust),
            ONLY: one(POSITIVE, self.margin),
            OLD: one(INDEFINITE, self.margin),
        }

    def __call__(self, case: ExperimentCase, progress: Progress = quiet) -> Result:
        """Views: curves, a row for each distance; networks, a row for each.

        Networks: accuracy; accuracy certified and attacked at the middle distance; the mean
        certified radius of right answers; attacks inside of a certified radius, and those of them
        that succeeded; the share of images that some attack turned within FAR times the radius.
        """
        radii = np.linspace(0, self.farthest, DISTANCES)
        columns: dict[str, tuple[Any, str]] = {"distance": (radii, "")}
        rows: dict[str, list[float]] = {}
        for number, (name, learner) in enumerate(self.learners().items()):
            low, high = number / len(FORMS), (number + 1) / len(FORMS)
            middle = low + LEARNED * (high - low)
            result = answer(learner, case, part_of(progress, low, middle, lead=name))
            model = learner.restored(result["network"], case.data)
            test_rows = case.data.some("test", self.images, case.seed)
            proved, resisted, attack_figures = self.measured(
                model,
                case.data,
                test_rows,
                radii,
                case.seed,
                part_of(progress, middle, high, lead=name),
            )
            if name in CURVES:
                columns[f"{name}, certified"] = proved, "share"
                columns[f"{name}, attacked"] = resisted, "share"
            half = DISTANCES // 2
            rows[name] = [
                result["figures"]["test accuracy"],
                proved[half],
                resisted[half],
                *attack_figures,
            ]
        column_names = (
            "test accuracy",
            "certified",
            "attacked",
            "mean radius",
            "attacks inside",
            "successes inside",
            "turned within 5 radii",
        )
        units = ("share", "share", "share", "", "", "", "share")
        progress(1.0, "measured")
        return {
            "curves": Table.of(columns),
            "networks": Table.grid(np.array(list(rows.values())), tuple(rows), column_names, units),
        }

    def measured(
        self,
        model: Classifier,
        data: DataSet,
        rows: Rows,
        radii: Any,
        seed: int,
        progress: Progress,
    ) -> tuple[list[float], list[float], tuple[float, ...]]:
        """Certified and attacked accuracy at each distance, and what came of all the attacks."""
        images, predicted, class_leads, right = standing(model, data, rows)
        radius = class_leads.own_widths()
        attack = AttackBudget(restarts=self.tries)
        unturned, resisted = right.clone(), [right.float().mean().item()]
        for place, distance in enumerate(radii[1:].tolist(), 1):
            margins, _ = attack(
                scores_of(model),
                images,
                predicted,
                torch.full_like(images[:, 0, 0, 0], distance),
                seed,
            )
            # an image that is turned at a small distance is turned at every larger one
            unturned &= (margins.amin(0) > 0).cpu()
            resisted.append(unturned.float().mean().item())
            progress(place / (len(radii) + 1))
        proved = [(right & (radius > limit)).float().mean().item() for limit in radii.tolist()]
        return proved, resisted, self.tried(model, images, predicted, radius, right, seed)

    def tried(
        self,
        model: Classifier,
        images: Tensor,
        own: Tensor,
        radius: Tensor,
        right: Tensor,
        seed: int,
    ) -> tuple[float, ...]:
        """Mean radius, attacks inside of it, how many succeeded, and how many did farther out."""
        finite = torch.isfinite(radius) & (radius > 0)
        finite_images, reach = images[finite.to(images.device)], radius[finite].to(images)
        finite_predicted = own[finite.to(own.device)]
        inside, _ = AttackBudget(restarts=self.tries, box=False)(
            scores_of(model), finite_images, finite_predicted, INSIDE * reach, seed
        )
        outside, _ = AttackBudget(restarts=self.tries)(
            scores_of(model), finite_images, finite_predicted, FAR * reach, seed
        )
        mean = radius[right & finite].mean().item()
        turned = (outside.amin(0) < 0).float().mean().item()
        return mean, float(inside.numel()), float((inside < 0).sum()), turned

    def finding(self, case: ExperimentCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """How many answers are proved at the middle distance, robust and plain."""
        networks, distance = result["networks"], result["curves"]["distance"][DISTANCES // 2]
        robust, plain = (100 * networks.cell(name, "certified") for name in (CERTIFIED, PLAIN))
        attacks = int(networks["attacks inside"].sum())
        return (
            f"{robust:.0f} % of the answers are right and proved to stay under any change of "
            f"{distance:.1f}, if trained by the certificate; {plain:.0f} % with plain prototypes. "
            f"{int(networks['successes inside'].sum())} of {attacks:,} attacks beat a certificate."
        )


@torch.no_grad()
def standing(model: Classifier, data: DataSet, rows: Rows) -> tuple[Tensor, Tensor, Leads, Tensor]:
    """Images (N, C, H, W), their answers, how these stand, and whether they are right."""
    images = torch.from_numpy(data.images[rows] / np.float32(255)).to(model.device)
    predicted = scores_of(model)(images).argmax(1)
    exact = cast("Shallow", in_doubles(model))
    class_leads = leads(exact, images.expand(-1, 3, -1, -1).cpu().double(), predicted.cpu())
    return images, predicted, class_leads, predicted.cpu() == data.targets(rows)


def scores_of(model: Classifier) -> Any:
    """The network on images (N, C, side, side) of the data's own channels."""
    return lambda images: model(images.expand(-1, 3, -1, -1))
