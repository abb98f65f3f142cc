"""Small models and cases with known answers, made by hand, for every test."""

from copy import copy, deepcopy
from dataclasses import replace
from functools import cache, partial
from threading import Thread
from typing import Any

import nibabel as nib
import numpy as np
import timm
import torch
from torch import Tensor, nn

from engine import hallucination, unlearning
from engine.anomaly.localizers.patchcore import PatchCore
from engine.anomaly.localizers.slices import ScanCase, SliceBySlice
from engine.anomaly.localizers.tiles import PhotographCase, TileByTile
from engine.attribution import ORDERED
from engine.attribution.adasmooth.experiment import AdaptiveSmoothing
from engine.attribution.adasmooth.mixed_answers import MixedAnswers
from engine.attribution.cbc import PROTOTYPES, PrototypeCase, Prototypes, about_row
from engine.attribution.cbsn.experiment import Cbsn
from engine.attribution.comet.experiment import CometExperiment
from engine.attribution.comet.grid import CometGrid
from engine.attribution.gp_unet.experiment import OwnMapsExperiment
from engine.attribution.heatmaps.gradient_x_input import GradientXInput
from engine.attribution.mhim import BAGS, BagsCase, TileAttention, UnlikeTiles, WholeSlideCase
from engine.attribution.quadattack.many_images import AttackedImagesCase
from engine.attribution.quadattack.order_success import OrderedSuccess
from engine.attribution.quadattack.ordered_case import OrderedCase, drawn_order
from engine.attribution.study import STUDY, StudyCase, StudyImage, ten
from engine.attribution.tilt import TILT, LocalTilt, TiltedBoundary, TiltedSheets
from engine.core.method import case_kind
from engine.core.result import Tokens, WeightScores
from engine.evaluation.detection.case import DataCase, FamiliarCase
from engine.evaluation.detection.lesions import LesionsCase
from engine.evaluation.experiment import ClosedFormExperiment, Experiment, ExperimentCase
from engine.evaluation.trust import AmongOthers, Check, TrustCase
from engine.hallucination.ssr_audit.image_rerouting import ImageRerouting
from engine.hallucination.ssr_audit.one_question import DeclinedQuestion
from engine.hallucination.ssr_audit.refusal import RefusalAudit
from engine.hallucination.vlm_audit.experiment import VisualAudit
from engine.sparsity import PruneCase
from engine.sparsity.effects.pruned_image import PrunedImage
from engine.unlearning.diagnostics.own_images import OwnImages
from engine.unlearning.generator.model import ImageGenerator
from engine.unlearning.generator.network import built
from engine.vision import data as data_sets
from engine.vision.case import ImageCase, PairCase
from engine.vision.case.target import Target
from engine.vision.data import DataCard, DataSet, split_rows
from engine.vision.images import Crop, Picture, Scan, SliceChoice
from engine.vision.images import load as load_image
from engine.vision.images.large_base import WholeImage
from engine.vision.lab import TrainCase
from engine.vision.language.tiny_vlm.weights import HABIT, load
from engine.vision.models.catalog import DEFAULT
from engine.vision.models.catalog import load as load_model
from engine.vision.models.classifier import Classifier
from engine.vision.models.format_search import FormatCase, FormatSearch
from engine.vision.models.small import NetworkShape, build
from engine.vision.training import Recipe, fresh, train
from tests.engine.hallucination import tiny as speaking

SIDE = 32


class Linear(nn.Module):
    """Class 1 scores the sum of weight times pixel; class 0 scores nothing."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, images: Tensor) -> Tensor:
        score = (images * self.weight).sum((1, 2, 3))
        return torch.stack([torch.zeros_like(score), score], dim=1)


class Cnn(nn.Module):
    """Two convolutions, average pooling, one linear layer; the activation can be chosen."""

    def __init__(self, activation: type[nn.Module] = nn.ReLU, classes: int = 4) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.act1 = activation()
        self.pool = nn.AvgPool2d(2)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.act2 = activation()
        self.fc = nn.Linear(16, classes)

    def forward(self, images: Tensor) -> Tensor:
        hidden = self.pool(self.act1(self.conv1(images)))
        hidden = self.act2(self.conv2(hidden))
        return self.fc(hidden.mean((2, 3)))


class Mlp(nn.Module):
    """One hidden layer of tanh, which is smooth; the classes can be chosen."""

    def __init__(self, side: int, hidden: int = 16, classes: int = 4) -> None:
        super().__init__()
        self.first = nn.Linear(3 * side * side, hidden)
        self.last = nn.Linear(hidden, classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.last(self.first(images.flatten(1)).tanh())


CPU = torch.device("cpu")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def classifier(network: nn.Module, side: int = SIDE, name: str = "tiny") -> Classifier:
    return Classifier(network, name, name, side, device=CPU)


def random_weights(network: nn.Module, seed: int = 0, scale: float = 0.3) -> nn.Module:
    generator = seeded(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * scale)
    return network


def cnn(activation: type[nn.Module] = nn.ReLU, seed: int = 0) -> Classifier:
    return classifier(random_weights(Cnn(activation), seed), name="tiny-cnn")


def vit(seed: int = 0, **others: Any) -> Classifier:
    sizes = {"img_size": SIDE, "patch_size": 8, "embed_dim": 24, "depth": 3, "num_heads": 3}
    network = timm.create_model("vit_tiny_patch16_224", num_classes=4, **sizes, **others)
    return classifier(random_weights(network, seed, 0.2), name="tiny-vit")


def with_own_map(seed: int = 0) -> Classifier:
    """A GP-UNet with random weights, whose maps are above 0 at some places."""
    network = random_weights(build("gp_unet", NetworkShape(3, SIDE, 4)), seed, 0.2)
    return classifier(network, name="tiny-own-map")


def fill(parameter: nn.Parameter, values: np.ndarray) -> None:
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(np.asarray(values)))


def image(side: int = SIDE, seed: int = 1) -> Tensor:
    return torch.rand(3, side, side, generator=seeded(seed))


def linear_case(side: int = 16, seed: int = 0) -> ImageCase:
    weight = torch.randn(3, side, side, generator=seeded(seed))
    return ImageCase(classifier(Linear(weight), side, "linear"), image(side), Target(1))


def cnn_case(activation: type[nn.Module] = nn.ReLU, target: int = 3) -> ImageCase:
    return ImageCase(cnn(activation), image(), Target(target))


def vit_case(target: int = 2) -> ImageCase:
    return ImageCase(vit(), image(), Target(target))


def trust_case(model: Classifier | None = None) -> TrustCase:
    """A quick map on trial, with a mask."""
    image_case = cnn_case() if model is None else ImageCase(model, image(model.side), Target(1))
    mask = np.zeros((image_case.model.side,) * 2, bool)
    mask[2:9, 4:12] = True
    return TrustCase(image_case, GradientXInput(), mask)


def learned_trust_case(model: Classifier | None = None) -> TrustCase:
    """The same of a network whose data are known; of another model they are not."""
    if model is not None:
        return trust_case(model)
    return replace(trust_case(deepcopy(load_model("phantom-cnn"))), others="phantoms:count=200")


def mlp(side: int = 8, seed: int = 0, scale: float = 0.3) -> Classifier:
    return classifier(random_weights(Mlp(side), seed, scale), side, "tiny-mlp")


def pair_case(model: Classifier, targets: int = 1) -> PairCase:
    """A source with the class that the model sees in it, and so many targets."""
    source, *others = (image(model.side, seed) for seed in range(1, targets + 2))
    predicted = int(model.logits(source[None])[0].argmax())
    return PairCase(ImageCase(model, source, Target(predicted)), tuple(others))


def ordered_case(model: Classifier | None = None) -> OrderedCase:
    """An image, and two other classes that are to lead; one, where the model has two classes."""
    model = model or mlp(scale=1.0)
    predicted = int(model.logits(image(model.side)[None])[0].argmax())
    image_case = ImageCase(model, image(model.side), Target(predicted))
    return OrderedCase(image_case, drawn_order(len(model.labels), predicted, 2))


def attacked_images(model: Classifier | None = None) -> AttackedImagesCase:
    model = model or deepcopy(learned())
    return AttackedImagesCase(model, columns(model.side, model.labels), 2)


def data_for(model: Classifier, count: int = 40, seed: int = 0) -> DataSet:
    """Noise with a bright column that says the class, in the model's size and classes."""
    rng = np.random.default_rng(seed)
    classes, side = len(model.labels), model.side
    labels = np.arange(count) % classes
    images = rng.integers(0, 150, (count, 3, side, side), dtype=np.uint8)
    images[np.arange(count), :, :, labels * 2] = 250
    split = split_rows(count, (2, 1, 1), seed=0)
    card = DataCard("Noise", "", "", "")
    return DataSet("noise", card, model.labels, images, labels, np.arange(count) * 3, split)


def study_case(model: Classifier | None = None) -> StudyCase:
    """Two random images with two labels and squares for masks; one has a rival as well."""
    model = model or cnn()
    masks = np.zeros((2, model.side, model.side), np.bool_)
    masks[0, :4, :4], masks[1, 4:9, 4:9] = True, True
    images = (
        StudyImage(7, image(model.side, 1), (0, 1), masks),
        StudyImage(9, image(model.side, 2), (1,), masks[:1], rival=0),
    )
    return StudyCase(model, images, ten(model.side, samples=50))


def format_case(model: Classifier | None = None) -> FormatCase:
    """A model with images of its number of classes."""
    model = model or cnn()
    return FormatCase(model, data_set(model.labels, model.side, 24 * len(model.labels)))


def prune_case(model: Classifier | None = None, seed: int = 0) -> PruneCase:
    """The tiny network, or another, with data of its size and scores as if they were learned."""
    model = model or cnn()
    rng = np.random.default_rng(seed)
    scores = {
        name: rng.random(tuple(weight.shape), np.float32)
        for name, weight in model.network.named_parameters()
        if weight.ndim > 1
    }
    learned = WeightScores(scores, "score", "mean")
    recipe = Recipe("lenet", epochs=1, batch=8)
    return PruneCase(model, data_for(model), seed, learned=learned, recipe=recipe)


def data_set(classes: tuple[str, ...], side: int, count: int = 48, seed: int = 0) -> DataSet:
    """Random images, each class a little brighter; half for training, the others held out."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % len(classes)
    images = rng.integers(0, 200, (count, 3, side, side)) + 10 * labels[:, None, None, None]
    images, ids = images.clip(0, 255).astype(np.uint8), np.arange(count)
    split = np.where(ids < count // 2, 0, 2).astype(np.uint8)
    card = DataCard("Tiny", "noise", "drawn", "none")
    return DataSet(f"tiny-{seed}", card, classes, images, labels, ids, split)


def familiar_case(model: Classifier) -> FamiliarCase:
    """An image among random normal ones, and other random ones that are unknown."""
    normal = data_set(model.labels, model.side)
    unknown = data_set(("strange",), model.side, 12, seed=9)
    return FamiliarCase(model, image(model.side), normal, unknown)


def parts_case(kind: type, model: Classifier | None = None) -> ScanCase | PhotographCase:
    """A random scan of six slices, or a photograph of several tiles."""
    about = familiar_case(model or cnn())
    chance = np.random.default_rng(3)
    if kind is SliceBySlice:
        voxels = chance.integers(0, 900, (20, 20, 6)).astype(np.int16)
        scan = load_image(nib.Nifti1Image(voxels, np.eye(4)).to_bytes())
        assert isinstance(scan, Scan)
        return ScanCase(about, PatchCore(normals=10), scan, SliceChoice("axial"), Crop())
    side = about.normal.images.shape[2]
    pixels = chance.integers(0, 256, (2 * side, 3 * side, 3), dtype=np.uint8)
    return PhotographCase(about, PatchCore(normals=10), Picture(pixels, (0, 0), (), "tiny"))


def lesions_case(model: Classifier) -> LesionsCase:
    """Random images of which two in three have a bright square, with its mask, and normal ones."""
    data, side = data_set(("square", "bright square", "none"), model.side, 48, seed=3), model.side
    images, masks = data.images.copy(), np.zeros((len(data), side, side), np.bool_)
    for row in np.flatnonzero(data.labels < 2):
        top, left = 4 + row % 5, 6 + row % 7
        masks[row, top : top + 8, left : left + 8] = True
        images[row][:, masks[row]] = 180 + 70 * data.labels[row]
    lesions = replace(data, images=images, truth={"mask": masks})
    return LesionsCase(model, lesions, data_set(("none",), model.side, 60))


@cache
def learned() -> Classifier:
    """A small network that has learned bright columns, and can be trained anew."""
    recipe = Recipe("lenet", epochs=4, batch=8)
    data = columns(8, ("a", "b", "c", "d"))
    model = fresh(data, recipe)
    train(model, data, recipe)
    return model


def columns(side: int, classes: tuple[str, ...]) -> DataSet:
    """Gray noise with a bright column that says the class."""
    rng = np.random.default_rng(0)
    labels = np.arange(48) % len(classes)
    images = rng.integers(0, 150, (48, 1, side, side), dtype=np.uint8)
    images[np.arange(48), :, :, labels * 2] = 250
    split = np.where(np.arange(48) < 24, 0, 2).astype(np.uint8)
    card = DataCard("Columns", "", "", "")
    return DataSet("columns", card, classes, images, labels, np.arange(48) * 3, split)


def digits(seed: int = 0) -> ExperimentCase:
    """The digits that ship, for an experiment."""
    return ExperimentCase(data_sets.load("digits"), seed)


def forget_case(model: Classifier | None = None) -> unlearning.ForgetCase:
    """A class of the bright columns is to be forgotten."""
    model = deepcopy(learned()) if model is None else model
    data = columns(model.side, model.labels)
    forget_request = unlearning.request.of_class(data, 1)
    return unlearning.ForgetCase(model, data, forget_request, Recipe("lenet", epochs=2, batch=8))


def unlearning_case(kind: type, model: Classifier | None = None) -> Any:
    """The forget case, for a table of methods or for a look after one where the kind is such."""
    if kind in unlearning.CONCEPTS:
        return concept_case(kind, model)
    if kind in {*unlearning.GENERATOR, *unlearning.ON_IMAGE, *unlearning.PROTECT}:
        drawn = kind in unlearning.GENERATOR and model is None
        return generator_case() if drawn else asked_image(model)
    case = forget_case(model)
    if kind in {*unlearning.DIAGNOSTICS, OwnImages}:
        return unlearning.AfterCase(case, unlearning.FineTune(epochs=2, rate=0.1))
    if kind is unlearning.WorstCase or issubclass(kind, unlearning.Protection):
        return case.pruning if kind is unlearning.WorstCase else train_case(model)
    if kind in {unlearning.Scoreboard, unlearning.Timing, unlearning.SparseOriginals}:
        ways = unlearning.FineTune(epochs=1), unlearning.GradientAscent(epochs=1)
        return unlearning.BoardCase(case, (unlearning.SSD(), *ways))
    return case


def generator_case(seed: int = 0) -> unlearning.GeneratorCase:
    """An untrained generator of four classes of columns, and a judge of the same."""
    data = columns(8, ("0", "1", "2", "3"))
    drawing = ImageGenerator(built(8, 4, 8, seed), "tiny-generator", "Tiny", data.classes)
    return unlearning.GeneratorCase(drawing, data, deepcopy(learned()))


def concept_case(kind: type, model: Classifier | None = None) -> Any:
    """A trained vision-language model, which sees things; what cannot be asked of a classifier."""
    if model is not None:
        return ImageCase(model, image(model.side), Target(1))
    if kind is unlearning.SAUCE:
        return hallucination.CaptionCase(load(HABIT), speaking.scenes()[0], "is there a car")
    count = {unlearning.Dictionary: 100, unlearning.PollsAfter: 20}.get(kind, 4)
    return hallucination.ScenesCase(load(HABIT), hallucination.Greedy(), count, clean=True)


OF_SCENES = {hallucination.Rates, hallucination.MaskLLM, hallucination.POPE, hallucination.CHAIR}
OF_SCENES |= {hallucination.BEAF, hallucination.RemovalLaw, hallucination.AttentionSinks}


def caption_case(kind: type, model: Classifier | None = None) -> Any:
    """A question to an untrained vision-language model; what cannot be asked of a classifier."""
    if model is not None:
        return ImageCase(model, image(model.side), Target(1))
    if kind in OF_SCENES:
        count, scenes = (20, "biased") if kind is hallucination.RemovalLaw else (4, "broken")
        vlm, greedy = deepcopy(speaking.untrained()), hallucination.Greedy(length=6)
        return hallucination.ScenesCase(vlm, greedy, count, scenes)
    if kind is hallucination.HalluRAG:  # an untrained model names nothing
        greedy = hallucination.Greedy(length=16)
        return hallucination.ScenesCase(load(HABIT), greedy, count=40, kind="counter")
    if kind in {hallucination.KeepCurve, hallucination.ViewsAblation}:
        curve = kind is hallucination.KeepCurve
        decoding = (hallucination.VASparse if curve else hallucination.MVP)(length=4)
        return hallucination.ScenesCase(deepcopy(speaking.untrained()), decoding, count=2)
    scene, *others = speaking.scenes()[:2]
    if kind is hallucination.WordRisk:  # an untrained model names nothing
        vlm, prompt = load(HABIT), "describe the image"
    else:
        source = speaking.mixture() if "routing" in kind.needs else speaking.untrained()
        vlm, prompt = deepcopy(source), "is there a boat"
    case = hallucination.CaptionCase(vlm, scene, prompt)
    if kind not in hallucination.ASK:
        return photographs(case) if kind is hallucination.PhotoPair else case
    words = hallucination.WordCase.of(case, (20, 31, 55), (1,))
    name = "without the car" if kind is hallucination.EachClaim else "another scene"
    return replace(words, others=torch.stack(others), names=(name,))


def photographs(case: hallucination.CaptionCase) -> hallucination.PhotoPairCase:
    """A boat is taken out of the middle."""
    mask = torch.zeros(case.image.shape[1:], dtype=torch.bool)
    mask[20:40, 16:44] = True
    return hallucination.PhotoPairCase.of(case.vlm, case.image, "boat", ("car", "lamp"), mask=mask)


def train_case(model: Classifier | None = None) -> TrainCase | ImageCase:
    """A short training; what cannot be asked of a model."""
    if model is not None:
        return ImageCase(model, image(model.side), Target(1))
    return TrainCase(columns(8, ("a", "b")), Recipe("lenet", epochs=2, batch=8))


def experiment_case(kind: type[Experiment], model: Classifier | None = None) -> Any:
    """Few small images to train on, its own data without training; what a model cannot be asked."""
    if model is not None:
        return ImageCase(model, image(model.side), Target(1))
    if kind is unlearning.FairPoisoning:
        return ExperimentCase(heights())
    if kind is AdaptiveSmoothing:  # the networks of its first seed ship
        return ExperimentCase(few_digits())
    drawn = kind is unlearning.VatExperiment or issubclass(kind, ClosedFormExperiment)
    if kind in AUDITS or drawn:
        name = FEW_SCENES if kind in AUDITS else kind.data[0]
        seed = 0 if kind in DECLINERS else 5  # no answer of it ships
        return ExperimentCase(data_sets.load(name), seed)
    if kind in {unlearning.RangeForgetting, OwnMapsExperiment, CometExperiment, CometGrid, Cbsn}:
        return ExperimentCase(squares_with_twins() if kind is Cbsn else squares())
    return ExperimentCase(columns(8, ("a", "b", "c", "d") if kind in TILT else ("a", "b", "c")))


AUDITS = (VisualAudit, ImageRerouting, RefusalAudit, DeclinedQuestion)
DECLINERS = (RefusalAudit, DeclinedQuestion)  # ask networks of seed 0
FEW_SCENES = "scenes:count=40,kind=broken,seed=1000"


def few_digits(train: int = 60, test: int = 40) -> DataSet:
    """Some of the digits, under their own name."""
    data = data_sets.load("digits")
    rows = [data.some("train", train), data.some("validation", 10), data.some("test", test)]
    return data.take(np.concatenate(rows))


def prototype_case(model: Classifier | None = None) -> PrototypeCase | ImageCase:
    """An image of the bright columns; what a model cannot be asked."""
    if model is not None:
        return ImageCase(model, image(model.side), Target(1))
    return about_row(columns(8, ("a", "b", "c")), 30)


def bags_case(model: Classifier | None = None) -> BagsCase | ImageCase:
    """Bags of eight noisy tiles, some with one or two bright ones; what a model cannot be asked."""
    if model is not None:
        return ImageCase(model, image(model.side), Target(1))
    return BagsCase(cnn(), bright_bags())


def bright_bags(count: int = 18, size: int = 8, side: int = 8, seed: int = 0) -> DataSet:
    """Every other bag has one or two tiles with a bright square, of which some are faint."""
    rng = np.random.default_rng(seed)
    labels, key = np.arange(count) % 2, np.zeros((count, size), bool)
    hard = rng.random((count, size))
    images = rng.integers(0, 120, (count, size, 1, side, side), dtype=np.uint8)
    for bag in np.flatnonzero(labels):
        key[bag, rng.permutation(size)[: 1 + bag // 2 % 2]] = True
    faint = (hard < 0.5) & key
    images[key, :, 2:6, 2:6] = 250
    images[faint, :, 2:6, 2:6] = 180
    images, key, bags = (
        images.reshape(-1, 1, side, side),
        key.ravel(),
        np.arange(count).repeat(size),
    )
    split = np.array([0, 0, 0, 0, 1, 1, 2, 2, 2], np.uint8)[bags % 9]
    card, classes = DataCard("Bright bags", "", "", ""), ("none", "bright")
    truth = {"group": bags * 2, "key": key, "hard": faint.ravel(), "digit": np.where(key, 9, 1)}
    ids = np.arange(count * size) * 3
    return DataSet("bright-bags", card, classes, images, labels[bags], ids, split, truth)


def whole_slide_case(model: Classifier | None = None) -> WholeSlideCase | ImageCase:
    """A small image of 4 × 6 tiles of noise, one of them another noise and one blank."""
    if model is not None:
        return ImageCase(model, image(model.side), Target(1))
    pixels = np.random.default_rng(4).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    pixels[16:32, 32:48] //= 3
    pixels[48:64, 80:96] = 240
    return WholeSlideCase(cnn(), WholeImage(96, 64, "tiny-slide", (), pixels))


def section_case(model: Classifier | None = None) -> WholeSlideCase | ImageCase:
    """The same image, for networks that know EfficientNet-Lite0 alone."""
    case = whole_slide_case(model)
    model = copy(load_model(DEFAULT))  # a test may name it anew
    return replace(case, model=model) if isinstance(case, WholeSlideCase) else case


def squares(side: int = 16, count: int = 96) -> DataSet:
    """Gray noise with a bright square of some size, with its mask; every tenth has none."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 90, (count, 1, side, side), dtype=np.uint8)
    masks = np.zeros((count, side, side), np.bool_)
    for row, width in enumerate(rng.integers(1, side // 2 + 1, count)):
        top, left = rng.integers(0, side - width, 2)
        masks[row, top : top + width, left : left + width] = row % 10 != 0
    images[:, 0][masks] = 230
    split = np.array([0, 0, 0, 1, 0, 2, 0, 2], np.uint8)[np.arange(count) % 8]
    labels, ids = masks.any((1, 2)).astype(np.int64), np.arange(count) * 2
    card, classes = DataCard("Squares", "", "", ""), ("none", "compact")
    return DataSet("squares", card, classes, images, labels, ids, split, {"mask": masks})


def squares_with_twins() -> DataSet:
    """Squares, each with the same noise without it."""
    data = squares(side=24)
    noise = np.random.default_rng(3).integers(0, 90, data.images.shape, dtype=np.uint8)
    twins = np.where(data.truth["mask"][:, None], noise, data.images)
    return replace(data, name="squares-with-twins", truth={**data.truth, "twin": twins})


def heights() -> DataSet:
    """Squares that lie at a height, and half of which are of each class."""
    data = squares(count=800)
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, len(data))
    return replace(data, labels=labels, truth={"height": rng.normal(size=len(data))})


def asked_image(model: Classifier | None = None) -> ImageCase:
    """An image, asked of the tiny network or of another model."""
    return cnn_case() if model is None else ImageCase(model, image(model.side), Target(1))


def digit_case(model: Classifier | None = None) -> ImageCase:
    """An image of noise, asked of a network whose data are known."""
    model = model or deepcopy(load_model("digits-cnn"))
    return ImageCase(model, image(model.side), Target(1))


def own_map_case(model: Classifier | None = None) -> ImageCase:
    """An image, asked of a network with a map of its own or of another model."""
    return asked_image(model or with_own_map())


def case_for(kind: type, model: Classifier | None = None) -> Any:
    """The tiny case that a method fits; the model is one that it fits too."""
    families = {
        "unlearning": partial(unlearning_case, kind),
        "sparsity": prune_case,
        "hallucination": partial(caption_case, kind),
    }
    special = study_case if kind in STUDY else trust_case if issubclass(kind, Check) else None
    training = {*unlearning.CERTIFICATES, *PROTOTYPES, TiltedBoundary, TiltedSheets}
    trains = issubclass(kind, Experiment) or kind in training or kind is DeclinedQuestion
    special = partial(experiment_case, kind) if trains else special
    special = bags_case if kind in BAGS else special
    special = whole_slide_case if kind is UnlikeTiles else special
    special = section_case if kind is TileAttention else special
    special = asked_image if kind is PrunedImage else special
    special = prototype_case if kind is Prototypes else special
    special = digit_case if kind in {LocalTilt, MixedAnswers} else special
    special = train_case if case_kind(kind) is TrainCase else special
    special = (lambda model: pair_case(model or cnn())) if kind is unlearning.Copies else special
    special = format_case if kind is FormatSearch else special
    special = learned_trust_case if kind is AmongOthers else special
    special = ordered_case if kind in ORDERED else special
    special = attacked_images if kind is OrderedSuccess else special
    special = own_map_case if "own map" in kind.needs else special
    special = partial(parts_case, kind) if kind in {SliceBySlice, TileByTile} else special
    if make := special or families.get(kind.family):
        return make(model)
    if "data" in kind.needs:
        return DataCase(model or cnn(), data_set(("a", "b"), (model or cnn()).side, 72))
    if "lesions" in kind.needs:
        return lesions_case(model or cnn())
    if "normal" in kind.needs:
        return familiar_case(model or cnn())
    if targets := getattr(kind, "targets", None):
        return pair_case(model or cnn(), targets[0])
    return asked_image(model) if model or "attention" not in kind.needs else vit_case()


def at_once(*acts, seconds=30):
    """Each act in a thread of its own, until all are over."""
    threads = [Thread(target=act) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds)


def tokens(*words, prompt="is there a lamp", probability=(1, 1), entropy=(0, 0), ended=True):
    """An answer of these words, whose probability and entropy go from one end to the other."""
    count = len(words)
    figures = (np.linspace(*ends, count, dtype=np.float32) for ends in (probability, entropy))
    looks = np.zeros((count, 0, 0, 0), np.float16)
    return Tokens(np.arange(count), *figures, looks, words, prompt, (8, 8), ended=ended)
