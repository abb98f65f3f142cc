"""The lesion it did not look at: a network that was taught by a mark in the corner."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.sidebar.pictures import FROM_DATA, enlarged
from components.stories.pictures import beside_classes
from components.stories.step import Story, StoryStep
from components.stories.words import class_after, lies, on_lesion, top_class_text
from components.views import HEATMAPS
from components.widgets.pictures import show_picture
from components.widgets.viewer import Panel, viewer
from engine.commands.openings.attribution import PLANTED
from engine.core.pictures import overlay
from engine.core.run import Answer
from engine.vision.case.opening import OpeningQuestion
from engine.vision.data.example import choice
from engine.vision.models import catalog

Mask = NDArray[np.bool_]
LARGER = 2  # times a picture that stands in a sidebar


def lesion_answers(model: str, data: str) -> Callable[[], Sequence[OpeningQuestion]]:
    return lambda: PLANTED.questions(model, data)


def heatmaps_query(model: str, data: str) -> dict[str, Any]:
    entry = next(
        small_model for small_model in catalog.local_entries() if small_model.name == model
    )
    item, class_name = choice(PLANTED.example(data)), PLANTED.example(PLANTED.marked).label
    return {
        "image": FROM_DATA,
        "data": data,
        "item": item,
        "model": entry.line,
        "target": class_name,
        "heatmaps.methods": PLANTED.maps.title,
    }


def lesion() -> Mask:
    return truth("mask")


def mark() -> Mask:
    return truth("mark")


def truth(what: str) -> Mask:
    example = PLANTED.example(PLANTED.marked)
    mask: Mask = example.data.truth[what][example.row]
    return mask


# ---------------------------------------------------------------- sentences


def looks(_answer: Answer, map_answer: Answer) -> str:
    return lies(map_answer["map"].values, lesion(), mark())


def finds(answer: Answer, map_answer: Answer) -> str:
    on_map = on_lesion(map_answer["map"].values, lesion())
    return f"{top_class_text(answer['classes'])} On the lesion lies {on_map}."


def label() -> str:
    return PLANTED.example(PLANTED.marked).label


# ---------------------------------------------------------------- pictures


def image(key: str, said: Answer, _where: Answer) -> None:
    example = PLANTED.example(PLANTED.marked)
    pixels = enlarged(example.picture().pixels).repeat(LARGER, 0).repeat(LARGER, 1)
    words = "The slice with its lesion and the mark"
    beside_classes(lambda: show_picture(pixels, words, width="stretch"), said, key)


def show_overlay(
    data: str, outline: Callable[[], Mask] | None, key: str, answer: Answer, map_answer: Answer
) -> None:
    pixels = enlarged(PLANTED.example(data).picture().pixels)
    mask = outline() if outline else None
    panel = Panel(PLANTED.maps.title, map_answer["map"])
    beside_classes(
        lambda: viewer(pixels, [panel], f"{key}.map", truth=mask, bare=True), answer, key
    )


def covered(_answer: Answer, map_answer: Answer) -> NDArray[np.uint8]:
    return overlay(enlarged(PLANTED.example(PLANTED.marked).picture().pixels), map_answer["map"])


STORY = Story(
    "lesion",
    "The lesion it did not look at",
    "A network that is right for the wrong reason, and how one can tell.",
    (
        StoryStep(
            "What is in this slice?",
            lesion_answers(PLANTED.model, PLANTED.marked),
            lambda answer, _where: top_class_text(answer["classes"]),
            image,
            "A drawn brain slice with a lesion. The network learned from slices like it. There is "
            "a small mark in the corner, such as a scanner may leave. Let the room look at it "
            "before you go on.",
            HEATMAPS,
            lambda: heatmaps_query(PLANTED.model, PLANTED.marked),
        ),
        StoryStep(
            "Did it look at the lesion?",
            lesion_answers(PLANTED.model, PLANTED.marked),
            looks,
            partial(show_overlay, PLANTED.marked, lesion),
            "The orange line is the lesion, known exactly since we drew it. In the data that the "
            "network learned from, every lesion of this kind came with the mark, and no other "
            "image did.",
            HEATMAPS,
            lambda: heatmaps_query(PLANTED.model, PLANTED.marked),
        ),
        StoryStep(
            "And without the lesion?",
            lesion_answers(PLANTED.model, PLANTED.healthy),
            lambda answer, _where: class_after(answer["classes"], label(), "Without the lesion"),
            partial(show_overlay, PLANTED.healthy, None),
            "The healthy twin: the same head, the same noise, the same mark, no lesion. Nobody has "
            "such a twin of a real patient, which is why phantoms are worth having.",
            HEATMAPS,
            lambda: heatmaps_query(PLANTED.model, PLANTED.healthy),
        ),
        StoryStep(
            "And without the mark?",
            lesion_answers(PLANTED.model, PLANTED.unmarked),
            lambda answer, _where: class_after(answer["classes"], label(), "Without the mark"),
            partial(show_overlay, PLANTED.unmarked, lesion),
            "The lesion is back, the mark is gone. This is the patient from another hospital. "
            "On the data that the network was validated with, nobody would have noticed.",
            HEATMAPS,
            lambda: heatmaps_query(PLANTED.model, PLANTED.unmarked),
        ),
        StoryStep(
            "Is it the network or the data?",
            lesion_answers(PLANTED.control, PLANTED.unmarked),
            finds,
            partial(show_overlay, PLANTED.unmarked, lesion),
            "The control: the same network and the same slices, learned without the mark. It is "
            "shown the slice of the step before. What differs can only come from the data.",
            HEATMAPS,
            lambda: heatmaps_query(PLANTED.control, PLANTED.unmarked),
        ),
    ),
    cover=1,
    picture=covered,
)
