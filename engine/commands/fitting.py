"""Whether a default fits the picture that is asked about: where it does not, that is said.

A model that learned from digits is a default like any other until somebody names a photograph of
a cat. What a person named, picture and model alike, is theirs to combine.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from engine.anomaly.protocol.in_distribution import is_gray
from engine.attribution.mhim.whole import SYNTHETIC
from engine.core.case_base import Case
from engine.core.errors import BlindspotError
from engine.evaluation.detection.photographs import ODD
from engine.evaluation.detection.sources import PHOTOGRAPHS
from engine.vision import data as data_sets
from engine.vision.images.named import parse_name
from engine.vision.images.samples import SAMPLES
from engine.vision.language.tiny_vlm import weights
from engine.vision.models import catalog
from engine.vision.pictures import EXAMPLE, SAMPLE, TWIN, open_picture

JUDGED = ("model", "data", "normal")  # arguments that are to fit the picture
SCENES = "scenes"  # what TinyVLM learned from
OFFERED = 3  # models that are named


@dataclass(frozen=True)
class PictureKind:
    """What kind of picture it is.

    Args:
        words: for a sentence, such as "a photograph".
        data: the data set that it is like, `PHOTOGRAPHS`, or "" where there is none here.
    """

    words: str
    data: str = ""


def default_note(arguments: Mapping[str, Any], case: Case, named: Collection[str]) -> str:
    """Which default does not fit the picture, and what does; "" where all fit.

    Args:
        arguments: of the case.
        case: that they make.
        named: the arguments that the person gave. Two of them, or two of the method's own
            defaults, belong together.
    """
    image = arguments.get("image")
    if not isinstance(image, str) or image == SYNTHETIC:
        return ""
    try:
        kind = kind_of(image)
        for name in JUDGED:
            if name in arguments and (name in named) != ("image" in named):
                data = data_behind(name, arguments[name], case)
                if data and data != kind.data:
                    return note(arguments, name, data, kind, named)
    except BlindspotError:  # data of a name that only this case knows
        return ""
    return ""


def note(
    arguments: Mapping[str, Any], name: str, data: str, kind: PictureKind, named: Collection[str]
) -> str:
    """The sentence for an argument that does not fit."""
    image = str(arguments["image"])
    image_name = image if image.startswith((SAMPLE, EXAMPLE, TWIN)) else parse_name(image)[0].name
    does = {
        "model": f"{arguments[name]} learned from",
        "data": "the data are",
        "normal": "it is compared with",
    }[name]
    default = name if "image" in named else "image"
    return (
        f"{image_name[:60]} is {kind.words}, but {does} {title_of(data)}. That is the default of "
        f"{default}; {better_than(default, kind)}."
    )


def better_than(default: str, kind: PictureKind) -> str:
    """What to name in place of a default."""
    if default == "image":
        return "name a picture that fits"
    if default != "model":
        return f"{kind.data} would fit" if kind.data else "no data set that ships would fit"
    names = [small_model.name for small_model in catalog.trained_on(kind.data)] if kind.data else []
    if kind.data == PHOTOGRAPHS:
        names = [catalog.DEFAULT]
    if not names:
        return "no model that ships would fit"
    return f"{' or '.join(names[:OFFERED])} would fit"


def data_behind(name: str, value: str, case: Case) -> str:
    """The data set behind an argument, `PHOTOGRAPHS`, or "" where that is not known."""
    if name == "normal":
        return catalog.word_of(case.normal.name)  # type: ignore[attr-defined]  # it has that field
    if name == "data":
        return catalog.word_of(value)
    if value in weights.TITLES:
        return SCENES
    if value in {lite.name for lite in catalog.lites()}:
        return PHOTOGRAPHS
    return next(
        (
            catalog.word_of(small_model.data)
            for small_model in catalog.local_entries()
            if small_model.name == value
        ),
        "",
    )


def title_of(data: str) -> str:
    """What a person calls the images. Raises BadData."""
    return PHOTOGRAPHS if data == PHOTOGRAPHS else f"“{data_sets.entry(data).card.title}”"


def kind_of(image: str) -> PictureKind:
    """The kind of a picture by its name. Raises BlindspotError where there is none."""
    if image.startswith((EXAMPLE, TWIN)):
        data = catalog.word_of(image.partition(":")[2].rpartition("/")[0])
        return PictureKind(f"from {title_of(data)}", data)
    if image.startswith(SAMPLE):
        title = next(
            sample.title for sample in SAMPLES if sample.name == image.removeprefix(SAMPLE)
        )
        odd = image.removeprefix(SAMPLE) in ODD
        return PictureKind(
            title[0].lower() + title[1:] if odd else "a photograph", "" if odd else PHOTOGRAPHS
        )
    picture = open_picture(image)
    if picture.behind is not None and picture.behind.values is not None:
        return PictureKind("a scan")
    if is_gray(picture):
        return PictureKind("a picture without color")
    return PictureKind("a picture in color", PHOTOGRAPHS)
