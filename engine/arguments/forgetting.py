"""What is to be forgotten, as text: "class=3", "random=0.1,draw=2", "wrong labels", "ids=4+17"."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from engine.data import DataSet
from engine.errors import BlindspotError
from engine.unlearning import request
from engine.unlearning.protocol.worst import EASIEST, HARDEST, worst_case
from engine.unlearning.request import ForgetRequest

Extra = Mapping[str, str]
FORMS = (
    "class=3", "class=3,share=0.5,draw=1", "random=0.1,draw=1", "group=4", "ids=4+17",
    "wrong labels", "planted", "worst=4+17", "easy=4+17",
)  # fmt: skip


def forms() -> tuple[str, ...]:
    """What a request may look like."""
    return FORMS


def request_from(text: str, data: DataSet) -> ForgetRequest:
    """The request that a text names.

    Raises:
        BlindspotError: the text has another form, or the data no such images.
    """
    first, *others = text.split(",")
    kind, _, what = first.partition("=")
    extra = dict(one.split("=", 1) for one in others if "=" in one)
    try:
        return READERS[kind](data, what, extra)
    except (KeyError, ValueError) as error:
        if isinstance(error, BlindspotError):
            raise
        raise BlindspotError(
            f"{text[:60]!r} names nothing to forget: write it as one of {'; '.join(FORMS)}."
        ) from error


def of_class(data: DataSet, what: str, extra: Extra) -> ForgetRequest:
    """A class by number or name, or a share of it."""
    label = data.classes.index(what) if what in data.classes else int(what)
    return request.of_class(data, label, float(extra.get("share", 1)), int(extra.get("draw", 0)))


def at_random(data: DataSet, what: str, extra: Extra) -> ForgetRequest:
    """A share of the training images."""
    return request.at_random(data, float(what), int(extra.get("draw", 0)))


def ids(what: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Ids with plus signs between them."""
    return np.array([int(one) for one in what.split("+")], np.int64)


READERS: Mapping[str, Callable[[DataSet, str, Extra], ForgetRequest]] = {
    "class": of_class,
    "random": at_random,
    "group": lambda data, what, _: request.of_group(data, int(what)),
    "ids": lambda data, what, _: request.picked(data, ids(what)),
    "wrong labels": lambda data, *_: request.wrong_labels(data),
    "planted": lambda data, *_: request.planted(data),
    "worst": lambda _data, what, _: worst_case(ids(what), HARDEST),
    "easy": lambda _data, what, _: worst_case(ids(what), EASIEST),
}


def request_text(asked: ForgetRequest, data: DataSet) -> str:
    """The text of a request about the data."""
    plus = "+".join(str(one) for one in asked.ids.tolist())
    rows = data.rows("train")
    match asked.kind:
        case "class":
            return f"class={asked.label}"
        case "share of a class":
            share = len(asked.ids) / int((data.labels[rows] == asked.label).sum())
            return f"class={asked.label},share={share!r},draw={asked.seed}"
        case "random":
            return f"random={len(asked.ids) / len(rows)!r},draw={asked.seed}"
        case "wrong labels" | "planted":
            return asked.kind
        case "picked":
            return f"ids={plus}"
    return f"{asked.kind}={plus}"
