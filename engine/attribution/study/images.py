"""Images for the study: scenes with several things, or phantoms with one lesion, all test images.

In the study proper only labels that are there and that the model finds are asked about (for
scenes, a sigmoid above one half). Its errors are studied apart: labels that are there and that it
misses, held against their own masks, and things that it makes up, held against the mask of all
that is there, for a map that blames a thing lies on one. Images are drawn one by one in an order
from the seed, so that nothing else of the data set has to be made.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.attribution.study import things
from engine.core.errors import BlindspotError
from engine.vision.data.brightness import Brightness, lit
from engine.vision.data.layout import Scene
from engine.vision.data.lesions import KINDS
from engine.vision.data.phantoms import SLICES, Phantoms, PhantomSlice
from engine.vision.data.phantoms import SPLIT as PATIENTS
from engine.vision.data.scenes import SPLIT as TENTHS
from engine.vision.data.sprites import CATEGORIES
from engine.vision.models import embedded
from engine.vision.models.classifier import Classifier

Bools = NDArray[np.bool_]
SOURCES = ("scenes", "phantoms")
OWN_PHANTOMS = "own"  # phantoms for a network with a map of its own; no study of it ships
ERRORS = ("scenes-missed", "scenes-made-up", "phantoms-missed")
TEST = 2  # in both splits
EVERY_SOURCE = (*SOURCES, OWN_PHANTOMS, *ERRORS)
ABOUT: Mapping[str, str] = {  # what the images of a source are, and what is asked
    "scenes": "Drawn scenes with two to six things; a network says of each of sixteen things "
    "whether it is there, and a map is made for each that it finds.",
    "phantoms": "Slices with one synthetic lesion, not clinical data; the map is of the kind of "
    "lesion, and beside it one of the kind that the network finds second best.",
    "own": "Slices with one large synthetic lesion, and a network whose own map stands beside the "
    "others. Every map explains the score of the lesion's kind less that of the second best.",
    "scenes-missed": "Scenes with things that the network misses: do their maps point at them all "
    "the same?",
    "scenes-made-up": "Scenes of which the network names things that are not there: does the map "
    "blame a thing that is there? The mask is that of all things.",
    "phantoms-missed": "Slices with a lesion that the network takes for another kind or for none; "
    "the map is of the lesion's own kind, and beside it one of what the network says.",
}
FEWEST = 2  # labels of a scene: maps of one are compared with maps of the other
PHANTOM_MODEL, OWN_MODEL = "phantom-cnn", "phantom-gp-unet"
LARGE, STAY, LIGHT = Phantoms(count=1500, side=64, size=1.6), 3, Brightness()  # what it learned
DEFAULT, MOST = 8, 40  # images
MOST_IMAGES = 10**6  # more than any split has


@dataclass(frozen=True, eq=False)
class StudyImage:
    """One image with what is asked about it.

    Args:
        id: of the image in its data set.
        image: (3, H, W) in [0, 1].
        labels: classes that are there and that the model finds, one map of each.
        masks: where each of them is, (labels, H, W).
        rival: a class to compare the map with where there is one label only: the model's
            second best; None where there are several.
    """

    id: int
    image: Tensor
    labels: tuple[int, ...]
    masks: Bools
    rival: int | None = None

    def __post_init__(self) -> None:
        if len(self.labels) != len(self.masks) or not self.labels:
            raise BlindspotError("Every image of a study needs labels, and a mask for each.")
        if self.masks.shape[1:] != tuple(self.image.shape[1:]):
            raise BlindspotError("The masks are of another size than the image.")

    @property
    def targets(self) -> tuple[int, ...]:
        """Every class that a map is made of."""
        return self.labels if self.rival is None else (*self.labels, self.rival)


def data_name(source: str) -> str:
    """The data set that a source's images are of."""
    if source.startswith("scenes"):
        return things.SCENES.name
    return embedded.plan(OWN_MODEL).data if source == OWN_PHANTOMS else Phantoms().name


def model_of(source: str) -> Classifier:
    """The model that ships for the images of a source, right or wrong about them."""
    return shipped_model(source.partition("-")[0])


@lru_cache(maxsize=3)
def shipped_model(source: str) -> Classifier:
    """The model that ships for a source."""
    if source == "scenes":
        return things.load()
    return embedded.load(OWN_MODEL if source == OWN_PHANTOMS else PHANTOM_MODEL)


@lru_cache(maxsize=8)
def shipped_images(source: str, count: int, seed: int) -> tuple[StudyImage, ...]:
    """Images for the model that ships, found once."""
    if source in ERRORS:
        result = every_error(source)
        order = np.random.default_rng([seed, 9]).permutation(len(result))[:count]
        return tuple(result[place] for place in order)
    return sample_images(source, count, seed, shipped_model(source))


@lru_cache(maxsize=3)
def every_error(source: str) -> tuple[StudyImage, ...]:
    """All errors of a kind that the model that ships makes in its test images."""
    return sample_images(source, MOST_IMAGES, 0, model_of(source))


def sample_images(source: str, count: int, seed: int, model: Classifier) -> tuple[StudyImage, ...]:
    """So many test images with labels that the model finds. Raises BlindspotError: too few."""
    questions = {
        "scenes": scenes,
        "phantoms": phantoms,
        OWN_PHANTOMS: large_lesions,
        "scenes-missed": missed_things,
        "scenes-made-up": made_up_things,
        "phantoms-missed": missed_lesions,
    }[source](seed, model)
    images = tuple(result for _, result in zip(range(count), questions, strict=False))
    if source in ERRORS and images:  # a good network errs seldom; all of its errors are enough
        return images
    if len(images) < count:
        raise BlindspotError(
            f"There are only {len(images)} images of the kind {source}: choose fewer images."
        )
    return images


def scenes(seed: int, model: Classifier) -> Iterator[StudyImage]:
    """Test scenes in which the model finds at least two of the things that are there."""
    for number, scene, result in recognized_scenes(seed, model):
        labels = tuple(np.flatnonzero(result & scene.layout.present[0]).tolist())
        if len(labels) >= FEWEST:
            yield StudyImage(number, pixels(scene.image), labels, masks_of(scene, labels))


def missed_things(seed: int, model: Classifier) -> Iterator[StudyImage]:
    """Test scenes with things that the model does not find, about those."""
    for number, scene, result in recognized_scenes(seed, model):
        labels = tuple(np.flatnonzero(~result & scene.layout.present[0]).tolist())
        if labels:
            yield StudyImage(number, pixels(scene.image), labels, masks_of(scene, labels))


def made_up_things(seed: int, model: Classifier) -> Iterator[StudyImage]:
    """Test scenes of which the model names things that are not there, about those."""
    for number, scene, result in recognized_scenes(seed, model):
        present = scene.layout.present[0]
        labels = tuple(np.flatnonzero(result & ~present).tolist())
        if labels:
            any_thing = masks_of(scene, np.flatnonzero(present).tolist()).any(0)
            masks = np.broadcast_to(any_thing, (len(labels), *any_thing.shape)).copy()
            yield StudyImage(number, pixels(scene.image), labels, masks)


def recognized_scenes(seed: int, model: Classifier) -> Iterator[tuple[int, Scene, Bools]]:
    """Test scenes in an order from the seed, each with the things that the model finds, (K,)."""
    scene_numbers = np.arange(things.SCENES.count)
    test = scene_numbers[TENTHS[scene_numbers % len(TENTHS)] == TEST]
    for number in np.random.default_rng([seed, 9]).permutation(test).tolist():
        scene = things.SCENES.scene(number)
        # a sigmoid is above one half where its logit is above 0
        yield number, scene, model.logits(pixels(scene.image)[None])[0].numpy() > 0


def masks_of(scene: Scene, labels: Sequence[int]) -> Bools:
    """Where each of the things is, (labels, H, W)."""
    return np.stack([scene.mask(CATEGORIES[label]) for label in labels])


def phantoms(seed: int, model: Classifier) -> Iterator[StudyImage]:
    """Slices of test patients with a lesion that the model names right."""
    yield from lesions(slices(Phantoms(), seed), model, right=True)


def missed_lesions(seed: int, model: Classifier) -> Iterator[StudyImage]:
    """Slices with a lesion that the model takes for another kind or for none.

    Beside the map of the lesion's own kind stands one of what the model says.
    """
    yield from lesions(slices(Phantoms(), seed), model, right=False)


def large_lesions(seed: int, model: Classifier) -> Iterator[StudyImage]:
    """Test slices of what the network with a map of its own learned, whose lesion it names right.

    Some classes stay, and each slice has a light of its own, as in the data set.
    """
    index = np.arange(LARGE.count)
    stay = index[index % len(KINDS) < STAY]
    factors = np.zeros(LARGE.count, np.float32)
    factors[stay] = LIGHT.factors(len(stay))
    drawn = (
        (number, replace(phantom_slice, image=lit(phantom_slice.image[None], factors[[number]])[0]))
        for number, phantom_slice in slices(LARGE, seed)
        if factors[number]
    )
    yield from lesions(drawn, model, right=True)


def slices(recipe: Phantoms, seed: int) -> Iterator[tuple[int, PhantomSlice]]:
    """Slices of test patients with a lesion, in an order from the seed; with their ids."""
    index = np.arange(recipe.count)
    test = index[PATIENTS[index // SLICES % len(PATIENTS)] == TEST]
    for number in np.random.default_rng([seed, 9]).permutation(test).tolist():
        phantom_slice = recipe.slice(number)
        if phantom_slice.mask.any():
            yield number, phantom_slice


def lesions(
    drawn: Iterator[tuple[int, PhantomSlice]], model: Classifier, *, right: bool
) -> Iterator[StudyImage]:
    """Slices whose lesion the model names right, or wrong."""
    for number, phantom_slice in drawn:
        image = pixels(phantom_slice.image[None]).expand(3, -1, -1).contiguous()
        first, second = model.logits(image[None])[0].argsort(descending=True)[:2].tolist()
        if (first == phantom_slice.kind) == right:
            rival = second if right else first
            yield StudyImage(
                number, image, (phantom_slice.kind,), phantom_slice.mask[None], rival=rival
            )


def pixels(image: np.ndarray) -> Tensor:
    """Bytes (C, H, W) as numbers in [0, 1]."""
    return torch.from_numpy(image / np.float32(255))
