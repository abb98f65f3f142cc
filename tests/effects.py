"""Where settings show that do nothing to the tiny case of their method at its small settings."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from engine.attribution import SmoothGrad
from engine.core.method import Case, Method
from engine.evaluation.experiment import ExperimentCase
from engine.evaluation.trust import TrustCase
from engine.hallucination import CaptionCase, Greedy, ScenesCase, WordCase
from engine.sparsity import PruneCase
from engine.vision import data as data_sets
from engine.vision.case import ImageCase, PairCase
from engine.vision.case.target import Target
from engine.vision.lab import TrainCase
from engine.vision.language.tiny_vlm.weights import HABIT, load
from engine.vision.models.classifier import Classifier
from engine.vision.training import Recipe
from tests import tiny
from tests.engine.hallucination import tiny as speaking
from tests.engine.hallucination.scripted import Scripted
from tests.engine.hallucination.test_opera import clings, prefers


@dataclass(frozen=True)
class Effect:
    """Where a setting shows.

    Args:
        given: other settings that it needs.
        case: the case on which it shows, made for a method.
    """

    given: Mapping[str, Any] = field(default_factory=dict)
    case: Callable[[type[Method[Any]]], Case] = tiny.case_for


def partly_white(kind: type[Method[Any]]) -> Case:
    """An image one of whose tiles is white in part."""
    case = tiny.case_for(kind)
    pixels = case.image.pixels.copy()
    pixels[:8, :16] = 250
    return replace(case, image=replace(case.image, pixels=pixels, fingerprint="partly-white"))


def other_class(kind: type[Method[Any]]) -> Case:
    """A class whose map has both signs."""
    return replace(tiny.case_for(kind), target=Target(1))


def grey_is_nothing(kind: type[Method[Any]]) -> ImageCase:
    """A model whose own zero is gray, not black."""
    case = tiny.case_for(kind)
    model = Classifier(
        case.model.network, "gray", "gray", case.model.side, mean=(0.5,) * 3, device=tiny.CPU
    )
    return replace(case, model=model)


def surer(kind: type[Method[Any]]) -> ImageCase:
    case = tiny.case_for(kind)
    tiny.fill(case.model.head.weight, 6 * case.model.head.weight.numpy())
    return case


def digits(_kind: type[Method[Any]]) -> ExperimentCase:
    """Many images of each class."""
    return ExperimentCase(data_sets.load("digits"))


def bent(_kind: type[Method[Any]]) -> ImageCase:
    """A model that is not nearly linear."""
    return ImageCase(tiny.mlp(scale=1.0), tiny.image(8), Target(1))


def by_chance(kind: type[Method[Any]]) -> TrustCase:
    """A map that its seed decides."""
    return replace(tiny.case_for(kind), method=SmoothGrad(samples=10))


def trained(_kind: type[Method[Any]]) -> PruneCase:
    model = deepcopy(tiny.learned())
    return PruneCase(model, tiny.columns(model.side, model.labels))


def curved(kind: type[Method[Any]]) -> PairCase:
    """A model on which a walk soon loses confidence."""
    return tiny.pair_case(tiny.mlp(scale=1.0), kind.targets[0])


def many_images(kind: type[Method[Any]]) -> PruneCase:
    """More test images than a method takes by itself."""
    case = tiny.case_for(kind)
    return replace(case, data=tiny.data_for(case.model, 160))


def clinging(_kind: type[Method[Any]]) -> CaptionCase:
    """A scripted model whose words look at one word too long."""
    return CaptionCase(Scripted(9, prefers, clings), torch.zeros(3, 2, 2), "3 4")


def trained_words(_kind: type[Method[Any]]) -> WordCase:
    """Words of a trained model, which all look at some place of the image."""
    caption_case = CaptionCase(load(HABIT), speaking.scenes()[0], "describe the image")
    tokens = Greedy(length=8)(caption_case)["answer"].ids.tolist()
    return WordCase.of(caption_case, tuple(tokens), (1,))


def trained_scenes(_kind: type[Method[Any]]) -> ScenesCase:
    return ScenesCase(load(HABIT), Greedy(), 3)


def five_classes(_kind: type[Method[Any]]) -> ExperimentCase:
    """So many that more than one can be hidden."""
    return ExperimentCase(tiny.columns(10, ("a", "b", "c", "d", "e")))


def dark_border(_kind: type[Method[Any]]) -> TrainCase:
    """Images whose last columns are black."""
    data = tiny.columns(8, ("a", "b"))
    images = data.images.copy()
    images[..., 5:] = 0
    return TrainCase(replace(data, images=images), Recipe("lenet", epochs=2, batch=8))


def dark_image(_kind: type[Method[Any]]) -> ImageCase:
    """An image whose upper half is black."""
    case = tiny.cnn_case()
    image = case.image.clone()
    image[:, :16] = 0
    return replace(case, image=image)


def blank_image(_kind: type[Method[Any]]) -> ImageCase:
    """An image in which nothing stands out, so that few places are played."""
    case = tiny.cnn_case()
    return replace(case, image=torch.full_like(case.image, 102 / 255))


def three_classes(_kind: type[Method[Any]]) -> TrainCase:
    """So many that some can be merged and still be told apart."""
    return TrainCase(tiny.columns(8, ("a", "b", "c")), Recipe("lenet", epochs=2, batch=8))


def many_steps(_kind: type[Method[Any]]) -> TrainCase:
    """A training in which no two rewind points are one step."""
    return TrainCase(tiny.columns(8, ("a", "b")), Recipe("mlp", epochs=8, batch=5))


BLOCKS = {"structure": "N:M"}
ALL_WORDS = {"beta": 0.0}
LIVELY = {"kept": 0.2, "epochs": 4, "rate": 10.0, "levels": 0}  # the mask moves far
BACK = {"beams": 1, "candidates": 2, "weight": 0.0, "threshold": 4, "early": 0, "column": 3}
BACK |= {"length": 16}
TIGHT = {"eta": 0.1, "steps": 40, "delta": 0.01}
ONCE = {"eta": 0.1, "steps": 60, "delta": 0.02, "noise": 0}  # one step is rejected, others follow
LONG = {"epochs": 20, "rate": 0.5, "ratio": 0.9}
EFFECTS: dict[str, Effect] = {
    "hallucination.RefusalAudit.alpha": Effect({"asked": 12, "rounds": 8, "width": 48}),
    "attribution.GradCam.raising": Effect(case=other_class),
    "attribution.GradientXInput.baseline": Effect(case=grey_is_nothing),
    "attribution.TiltedBoundary.share": Effect(case=digits),
    "attribution.LocalModel.kernel": Effect({"explainer": "LIME", "samples": 400}, bent),
    "attribution.UnlikeTiles.glass": Effect(case=partly_white),
    "attribution.TileAttention.glass": Effect(case=partly_white),
    "unlearning.GA.stop": Effect({"epochs": 5, "rate": 0.1, "clip": None}),
    "unlearning.SCRUB.stay": Effect({"epochs": 3}),
    **{
        f"unlearning.{name}.{setting}": Effect({"stop": 0.0, "rounds": 3})
        for name, settings in {
            "EMN": ("rounds", "stop"),
            "SALM": ("rounds", "stop", "mask", "frozen"),
        }.items()
        for setting in settings
    },
    "unlearning.SALM.inside": Effect({"kappa": 0.6}, dark_border),
    "unlearning.SALMImage.inside": Effect({"kappa": 0.8}, dark_image),
    "unlearning.KLoM.form": Effect({"models": 100}),
    "unlearning.PoisonVotes.spread": Effect({"scheme": "FA"}),
    "unlearning.UC.surrogate": Effect(case=three_classes),
    "attribution.LocalModel.low": Effect({"explainer": "Integrated gradients"}),
    "attribution.LiMA.confidence": Effect(case=surer),
    "attribution.SafeCV.rule": Effect(
        {"simulations": 60, "queries": 5000, "visit": 60}, blank_image
    ),
    **{
        f"attribution.{name}.{setting}": Effect(TIGHT, curved)
        for name in ("LST", "ProjectionOnly", "Plane", "Simplex", "Star", "TubeWidth", "Grid")
        for setting in ("delta", "stop")
    },
    **{
        f"attribution.{name}.stop": Effect(ONCE | {"epsilon": 0.001}, curved)
        for name in ("Plane", "Simplex", "TubeWidth", "Grid")
    },
    "attribution.Repeats.repeats": Effect(case=by_chance),
    **{
        f"sparsity.{name}.pattern": Effect(BLOCKS)
        for name in ("Prune", "Retrain", "Tradeoff", "Level", "Harm", "Unknown", "Untrained")
    },
    "sparsity.Seeds.pattern": Effect(BLOCKS | {"images": 160}, many_images),
    "sparsity.Seeds.allocation": Effect({"images": 160}, many_images),
    "sparsity.Seeds.images": Effect(case=many_images),
    "sparsity.Sensitivity.images": Effect(case=many_images),
    "hallucination.CHAIR.prompt": Effect(case=trained_scenes),
    "hallucination.PerturbedAnswer.strength": Effect({"against": "blur"}),
    "hallucination.PerturbedAnswer.knows": Effect({"against": "blur"}),
    "hallucination.VCD.alpha": Effect(ALL_WORDS),
    "hallucination.VCD.temperature": Effect(ALL_WORDS),
    "hallucination.DoLa.repetition": Effect({"cut": 0.0}),
    "hallucination.VASparse.merge": Effect({"length": 16, "merged": 0.9}),
    "hallucination.VASparse.merged": Effect({"length": 16, "merge": 8}),
    **{
        f"hallucination.VASparse.{setting}": Effect({"length": 16, "source": "masked cache"})
        for setting in ("depth", "masked")
    },
    "hallucination.OPERA.threshold": Effect(BACK, clinging),
    "hallucination.OPERA.column": Effect(BACK, clinging),
    "hallucination.Looks.sinks": Effect(case=trained_words),
    "anomaly.FVRClaims.held": Effect({"held": 2}, five_classes),
    **{
        f"sparsity.Jackpot.{setting}": Effect(LONG, trained)
        for setting in ("momentum", "decay", "restriction")
    },
    "sparsity.FTWT.loss": Effect({"epochs": 6}),
    "sparsity.FTWT.cut": Effect({"rule": "uniform"}),
    "sparsity.Reprogram.mapping": Effect({"epochs": 4}),
    "sparsity.NMFlow.backward": Effect({"epochs": 3, "seeds": 1, "half_life": 0.3}),
    "sparsity.Prune.smaller": Effect({"structure": "filter"}, trained),
    "sparsity.Level.criterion": Effect(case=trained),
    "sparsity.BiP.implicit": Effect(LIVELY),
    "sparsity.BiP.compat": Effect(LIVELY | {"implicit": 0.1}),
    "sparsity.Harm.images": Effect(case=many_images),
    "sparsity.Unknown.images": Effect(case=many_images),
    "sparsity.Rewinding.points": Effect({"seeds": 1}, many_steps),
    **{
        f"unlearning.{name}.{setting}": Effect({"way": "SALM", "epsilon": 32, "epochs": 12})
        for name in ("ProtectionDefenses", "ProtectedShare")
        for setting in ("kappa", "rounds")
    },
    **{
        f"unlearning.CUDA.{setting}": Effect({"epochs": 12, "victim": "MLP"})
        for setting in ("share", "epsilon")
    },
}
"""By family, method and setting; all others show where the contract looks by itself."""

INERT = {"unlearning.Timing.rounds": "More rounds measure the same seconds more surely."}
"""Settings that no answer but its seconds depends on, and why they are there."""
