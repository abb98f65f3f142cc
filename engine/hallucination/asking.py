"""Questions about scenes and pictures, ready to be asked."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.core.errors import BadData
from engine.core.pictures import as_bytes
from engine.core.result import Pictures, Table, Tokens
from engine.hallucination.grounding.each_claim import HIDDEN
from engine.hallucination.grounding.findings import BLIND, says_of
from engine.hallucination.grounding.priors import BLANKS, Priors, hidden
from engine.hallucination.grounding.word_case import WordCase
from engine.vision.data.example import Example
from engine.vision.data.layout import Scene
from engine.vision.data.registry import UPLOAD, recipe
from engine.vision.data.scenes import Scenes
from engine.vision.data.sprites import CATEGORIES
from engine.vision.images import Crop, Picture, square
from engine.vision.language import catalog, scenes
from engine.vision.language.case import CaptionCase
from engine.vision.language.tiny_vlm.model import SIDE
from engine.vision.language.tiny_vlm.sayings import yes_no_question
from engine.vision.language.tiny_vlm.words import tidy
from engine.vision.language.vlm import VLM
from engine.vision.pictures import EXAMPLE, SAMPLE, TWIN, open_picture

KNOWN = (SAMPLE, EXAMPLE, TWIN)  # how pictures begin that are no files of somebody's
EACH_IMAGE, HIDDEN_THINGS, WITHOUT, FADED = "each", "hidden", "without:", "faded:"
OPACITIES = (0.0, 0.03, 0.06, 0.09, 0.12, 0.16, 0.2, 0.25, 0.35, 0.5, 1.0)
model, models, shipped_models = catalog.model, catalog.models, catalog.shipped_models
scene, pixels, sized = scenes.scene, scenes.pixels, scenes.sized


def scene_of(example: Example) -> Scene | None:
    """The scene that an image of a data set shows; None where it is none, or of another size."""
    name, _, changed = example.data.name.partition("+")
    scenes = None if changed or name.startswith(UPLOAD) else recipe(name)
    if not isinstance(scenes, Scenes) or scenes.side != SIDE:
        return None
    return scenes.scene(int(example.data.ids[example.row]))


def about_scene(name: str, scene: Scene, prompt: str, seed: int = 0) -> CaptionCase:
    """A prompt about a scene. Raises BlindspotError for a prompt that cannot be asked."""
    vlm = model(name)
    return CaptionCase(vlm, sized(pixels(scene), vlm), prompt, seed, scene=scene)


def about_picture(
    name: str, picture: Picture, crop: Crop, prompt: str, seed: int = 0
) -> CaptionCase:
    """A prompt about any picture: its square at the model's size. Raises BlindspotError."""
    vlm = model(name)
    image = torch.from_numpy(square(picture, crop, vlm.spec.side))
    return CaptionCase(vlm, image, prompt, seed)


def case_of_words(caption_case: CaptionCase, answer: Tokens, places: Sequence[int]) -> WordCase:
    """Words of an answer, by their places. Raises BlindspotError for none."""
    return WordCase.of(caption_case, tuple(answer.ids.tolist()), tuple(places))


def without_each(words: WordCase, scene: Scene) -> WordCase:
    """Held against the scene without each of its things, one at a time, taken out exactly.

    Raises BadData where the scene is empty.
    """
    nouns = things_in(scene)
    others = torch.stack([pixels(scene.remove(noun)) for noun in nouns])
    return replace(
        words, others=sized(others, words.vlm), names=tuple(f"without the {noun}" for noun in nouns)
    )


def hidden_each(words: WordCase, scene: Scene) -> WordCase:
    """Held against the image with the box around each thing in it behind the mean color.

    Raises BadData where nothing is to be seen in the scene.
    """
    masks = {noun: mask for noun in things_in(scene) if (mask := words.mask_of(noun)).any()}
    if not masks:
        raise BadData("Nothing is to be seen in the scene: there is no region to hide.")
    others = words.image.repeat(len(masks), 1, 1, 1)
    for image, mask in zip(others, masks.values(), strict=True):
        image[:, *box(mask)] = mean_color(words.vlm)
    return replace(words, others=others, names=tuple(f"the {noun}{HIDDEN}" for noun in masks))


def box(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The rows and columns around a mask (H, W) that is not empty."""
    row_indices, column_indices = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    return slice(row_indices[0], row_indices[-1] + 1), slice(
        column_indices[0], column_indices[-1] + 1
    )


def things_in(scene: Scene) -> list[str]:
    """The things in a scene. Raises BadData where there is none."""
    if not scene.things:
        raise BadData("The scene is empty: there is nothing to take out or to hide.")
    return [scene_object.category for scene_object in scene.things]


def each_claim(words: WordCase, scene: Scene) -> WordCase:
    """All of an answer, against the scene without each thing and with each thing's box hidden.

    Raises BadData where nothing is to be seen in the scene.
    """
    parts = without_each(words, scene), hidden_each(words, scene)
    others = torch.cat([part.others for part in parts if part.others is not None])
    names = tuple(name for part in parts for name in part.names)
    return replace(words, places=(0,), others=others, names=names)


def faded(words: WordCase, scene: Scene, category: str) -> WordCase:
    """Held against the scene with one thing at several opacities. Raises BadData."""
    others = torch.stack([pixels(scene.with_opacity(category, share)) for share in OPACITIES])
    others = sized(others, words.vlm)
    return replace(words, others=others, names=tuple(f"{share:g}" for share in OPACITIES))


def yes_when_faded(name: str, scene: Scene, noun: str, category: str) -> WordCase:
    """The word yes to whether one thing is there, held against another one's opacities.

    Raises BadData where the thing that fades is not in the scene.
    """
    case = about_scene(name, scene, yes_no_question(CATEGORIES.index(noun)))
    return faded(WordCase.of(case, case.vlm.spec.yes[:1], (0,)), scene, category)


def other_images(words: WordCase, named: Sequence[str]) -> Iterator[tuple[str, Tensor]]:
    """The other images of those names, each as an answer calls it, in [0, 1].

    Raises:
        BadData: a thing is to be taken out of a picture.
    """
    for number, name in enumerate(named, 1):
        if name not in {EACH_IMAGE, HIDDEN_THINGS} and not name.startswith((FADED, WITHOUT)):
            picture = square(open_picture(name), Crop(), words.vlm.spec.side)
            yield name if name.startswith(KNOWN) else f"picture {number}", torch.from_numpy(picture)
            continue
        if (scene := words.scene) is None:
            raise BadData("Things can be taken out of drawn scenes only: leave out --image.")
        category = name.partition(":")[2]
        if name.startswith(WITHOUT):
            yield f"without the {category}", pixels(scene.remove(category))
            continue
        if name.startswith(FADED):
            changed = faded(words, scene, category)
        else:
            changed = (without_each if name == EACH_IMAGE else hidden_each)(words, scene)
        assert changed.others is not None  # noqa: S101  # it has some
        yield from zip(changed.names, changed.others, strict=True)


def held_against(words: WordCase, others: Sequence[tuple[str, Tensor]]) -> WordCase:
    """Held against other pictures, each with a name and pixels (3, H, W) in [0, 1]."""
    names = tuple(name for name, _ in others)
    images = torch.stack([sized(image, words.vlm) for _, image in others])
    return replace(words, others=images, names=names)


def mean_color(vlm: VLM) -> Tensor:
    """The color that a model sees as 0, (3, 1, 1)."""
    black, white = black_and_white(vlm)
    # normalizing is a line, black + p (white − black), which is 0 at this p
    return black / (black - white)


def black_and_white(vlm: VLM) -> tuple[Tensor, Tensor]:
    """Black and white as a model's encoder sees them, (3, 1, 1) each."""
    extremes = torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1).expand(2, 3, 1, 1)
    black, white = vlm.normalize(extremes).cpu()
    return black, white


def looked_away(words: WordCase, method: Priors) -> tuple[tuple[str, Tensor], ...]:
    """The pictures that stand in for the image, in [0, 1], each with its name in the answer."""
    hidden_images = hidden(words, method.step)
    black, white = black_and_white(words.vlm)
    pictures = (hidden_images.cpu() / (white - black) + mean_color(words.vlm)).clamp(0, 1)
    others = () if words.others is None else tuple(words.others)
    return (*zip(BLANKS, pictures, strict=True), *zip(words.names, others, strict=True))


def said_of_pictures(words: WordCase, method: Priors, table: Table) -> Pictures:
    """The pictures that stand in for the image, each with what the model says of it.

    Args:
        words: the words that are asked about.
        method: what hides the image.
        table: its answer.
    """
    says = {name: f"“{tidy(text)}”" for name, text in zip(table.rows, table.notes, strict=True)}
    pictures = looked_away(words, method)
    images = np.stack([as_bytes(image) for _, image in pictures])[None]
    names = tuple(BLIND.get(name, name) for name, _ in pictures)
    answers = tuple(says[name] for name, _ in pictures)
    return Pictures(images, ("it says",), names, says_of(names, answers), captions=answers)
