"""What is to be forgotten, as text: "class=3", "random=0.1,draw=2", "wrong labels", "ids=4+17"."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from engine.core.controls import Declared, OtherArguments, Text, argument
from engine.core.errors import BlindspotError
from engine.core.method import Choice, Slider
from engine.core.whole import MOST_DIGITS, whole_number
from engine.unlearning import request
from engine.unlearning.request import ForgetRequest
from engine.unlearning.worst_forget.worst import EASIEST, HARDEST, worst_case
from engine.vision.data import DataSet
from engine.vision.data.modes import modes, modes_of

Extra = Mapping[str, str]
SHARE = Slider(0.01, 0.99, 0.01)
PLACE = "#"  # before the place of what has no name that can be read
DRAWN = "Drawn evenly; the same share is always the same images."
KINDS = (
    "a class",
    "a share of a class",
    "a group (patient)",
    "images at random",
    "picked images",
    "hardest images",
    "easiest images",
    "wrong labels",
    "planted images",
    "a mode of a class",
)
FORMS = (
    "class=3",
    "class=3,share=0.5,draw=1",
    "classes=3+5",
    "random=0.1,draw=1",
    "group=4",
    "mode=boat,class=0",
    "ids=4+17",
    "wrong labels",
    "planted",
    "worst=4+17",
    "easy=4+17",
)


def group_names(arguments: OtherArguments) -> tuple[str, ...]:
    """The groups of the images that are learned from, such as patients."""
    data: DataSet = arguments["data"]
    return tuple(map(str, sorted({*data.truth["group"][data.rows("train")].tolist()})))


def modes_offered(arguments: OtherArguments) -> tuple[str, ...]:
    """The modes of the class that was chosen; of any class where none was."""
    data: DataSet = arguments["data"]
    if (word := arguments.get("label")) not in data.classes:
        return tuple(modes(data))
    return modes_of(data, data.classes.index(word))


@dataclass(frozen=True)
class RequestParts(Declared):
    """What a request is made of, part by part, as a form asks for it."""

    what: str = argument(
        KINDS[0], Choice(KINDS), "To be forgotten", "Which kind of training images."
    )
    label: str = argument(
        "",
        Text(options=lambda settings: settings["data"].classes),
        "Class",
        "The class to be forgotten.",
    )
    share: float = argument(0.5, SHARE, "Share of the class", DRAWN)
    mode: str = argument(
        "",
        Text(options=modes_offered),
        "Mode",
        "What sets the images apart within their class; the rest of the class is to be kept.",
    )
    random: float = argument(0.1, SHARE, "Share", DRAWN)
    group: str = argument("0", Text(options=group_names), "Group", "Such as a patient.")
    ids: str = argument("", Text(), "Ids of the images", "Press pictures, or type ids with commas.")


def request_from(text: str, data: DataSet) -> ForgetRequest:
    """The request that a text names.

    Raises:
        BlindspotError: the text has another form, or the data no such images.
    """
    first, *others = text.split(",")
    kind, equals, what = first.partition("=")
    if kind not in READERS or bool(equals) == (kind in ALONE):
        raise BlindspotError(
            f"{text[:60]!r} names nothing to forget: write it as one of {'; '.join(FORMS)}."
        )
    return READERS[kind](data, what, parse_parts(kind, others))


def parse_parts(kind: str, others: Sequence[str]) -> Extra:
    """What follows the first part, by name. Raises BlindspotError for what that kind has not."""
    parameter_names = MORE.get(kind, ())
    has = (
        f"besides “{kind}” there can be {' and '.join(parameter_names)}"
        if parameter_names
        else "nothing follows it"
    )
    results: dict[str, str] = {}
    for part in others:
        name, equals, what = part.partition("=")
        if name not in parameter_names or not equals or name in results:
            twice = "is given twice" if name in results else f"is no part of “{kind}”"
            raise BlindspotError(f"{part[:60]!r} {twice}: {has}, as in {form_of(kind)}.")
        results[name] = what
    return results


def form_of(kind: str) -> str:
    """The longest form of that kind, as an example."""
    return max((form for form in FORMS if form.partition("=")[0] == kind), key=len)


def number_of(part: str, text: str) -> int:
    """A whole number. Raises BlindspotError that names the part."""
    if (number := whole_number(text)) is None:
        raise BlindspotError(
            f"“{text[:40]}” cannot be the {part}: it is a whole number from 0 with at most "
            f"{MOST_DIGITS} digits."
        )
    return number


def share_of(text: str) -> float:
    """A share. Raises BlindspotError."""
    try:
        if isfinite(share := float(text)):
            return share
    except ValueError:
        pass
    raise BlindspotError(f"“{text[:40]}” cannot be the share: it is a number such as 0.5.")


def of_class(data: DataSet, what: str, extra: Extra) -> ForgetRequest:
    """A class by number or name, or a share of it."""
    label = data.classes.index(what) if what in data.classes else number_of("class", what)
    share = share_of(extra.get("share", "1"))
    return request.of_class(data, label, share, draw_of(extra))


def of_mode(data: DataSet, what: str, extra: Extra) -> ForgetRequest:
    """A mode of a class, by name, or by its place among the data's modes: "#4"."""
    known, names = tuple(modes(data)), data.classes
    if "class" not in extra:
        raise BlindspotError(f"Say of which class the mode is, as in {form_of('mode')}.")
    if what not in known and what.startswith(PLACE):
        place = number_of("place of the mode", what.removeprefix(PLACE))
        what = known[place] if place < len(known) else what
    word = extra["class"]
    label = names.index(word) if word in names else number_of("class", word)
    return request.of_mode(data, label, what)


def at_random(data: DataSet, what: str, extra: Extra) -> ForgetRequest:
    """A share of the training images."""
    return request.at_random(data, share_of(what), draw_of(extra))


def draw_of(extra: Extra) -> int:
    """The seed of the draw, 0 when left out."""
    return number_of("draw", extra.get("draw", "0"))


def ids(what: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Ids with plus signs between them."""
    return np.array([number_of("id", part) for part in what.split("+")], np.int64)


READERS: Mapping[str, Callable[[DataSet, str, Extra], ForgetRequest]] = {
    "class": of_class,
    "classes": lambda data, what, _: request.of_classes(data, ids(what).tolist()),
    "random": at_random,
    "mode": of_mode,
    "group": lambda data, what, _: request.of_group(data, number_of("group", what)),
    "ids": lambda data, what, _: request.of_ids(data, ids(what)),
    "wrong labels": lambda data, *_: request.wrong_labels(data),
    "planted": lambda data, *_: request.planted(data),
    "worst": lambda _data, what, _: worst_case(ids(what), HARDEST),
    "easy": lambda _data, what, _: worst_case(ids(what), EASIEST),
}
ALONE = ("wrong labels", "planted")  # without an equals sign
MORE: Mapping[str, tuple[str, ...]] = {
    "class": ("share", "draw"),
    "random": ("draw",),
    "mode": ("class",),
}


def mode_text(mode: str, data: DataSet) -> str:
    """The name of a mode; its place among the data's modes where a name could be misread."""
    return f"{PLACE}{tuple(modes(data)).index(mode)}" if set(mode) & set(",=") else mode


def class_text(label: int | None, data: DataSet) -> str:
    """The number of a class; its name where another class has that number for a name."""
    return data.classes[label] if label is not None and str(label) in data.classes else str(label)


def request_text(request: ForgetRequest, data: DataSet) -> str:
    """The text of a request about the data."""
    plus = "+".join(str(image_id) for image_id in request.ids.tolist())
    rows = data.rows("train")
    match request.kind:
        case "class":
            return f"class={class_text(request.label, data)}"
        case "classes":
            labels = np.unique(data.labels[data.places(request.ids)])
            return f"classes={'+'.join(map(str, labels.tolist()))}"
        case "share of a class":
            share = len(request.ids) / int((data.labels[rows] == request.label).sum())
            return f"class={class_text(request.label, data)},share={share!r},draw={request.seed}"
        case "mode":
            return f"mode={mode_text(request.mode, data)},class={class_text(request.label, data)}"
        case "random":
            return f"random={len(request.ids) / len(rows)!r},draw={request.seed}"
    kind = "ids" if request.kind == "picked" else request.kind
    return kind if kind in ALONE else f"{kind}={plus}"
