"""What a person calls the classes of their own pictures is not in the card of a kept model.

The names of their folders are theirs, and the disk is not. A kept card has the place of a class and
four letters of the data's digest instead, "class 2 · 5f2c": nothing that could be tried with words.
While those pictures are in memory, as after their file was opened again, the model has its names.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from engine.core.keeping.names import hidden, in_strings, restore_names
from engine.vision.data import registry
from engine.vision.data.dataset import DataSet
from engine.vision.data.registry import UPLOAD
from engine.vision.models.card import LONG, ModelCard

LETTERS = 4  # of the data's digest in a name
STAND_IN = re.compile(r"class ([1-9][0-9]*) · ([0-9a-f]{4})")
OPEN = ("architecture", "data", "parent", "fingerprint", "made_by")  # no words of a person


def without_names(card: ModelCard) -> ModelCard:
    """The card as it is kept: with stand-ins, where it learned a person's own pictures."""
    base = base_of(card)
    if not base:
        return card
    data = registry.cached(base)
    words = data.classes if data else card.labels
    names = [word for word in words if not STAND_IN.fullmatch(word)]
    stand_ins = [stand_in(words.index(word), base) for word in names]
    if data:
        names.append(data.card.title)
        stand_ins.append(f"Your data ({digest_of(base)})")
    labels = tuple(
        stand_ins[names.index(label)]
        if label in names
        else exchanged(label, names, stand_ins)[:LONG]
        for label in card.labels
    )
    return exchange_names(replace(card, labels=labels), names, stand_ins)


def with_labels(card: ModelCard) -> ModelCard:
    """The card with the names of its classes, where their pictures are in memory.

    Its title stays without them, since links have it.
    """
    data = source_of(card)
    if data is None:
        return card
    names = dict(zip(stand_ins_of(data), data.classes, strict=True))
    return replace(
        card,
        labels=tuple(STAND_IN.sub(lambda m: names.get(m[0], m[0]), label) for label in card.labels),
    )


def with_names(card: ModelCard) -> ModelCard:
    """The same, with the names in its title and settings too: a file that its owner gives away."""
    data = source_of(card)
    return (
        card
        if data is None
        else exchange_names(with_labels(card), stand_ins_of(data), data.classes)
    )


def is_private(card: ModelCard) -> bool:
    """Whether the names of a kept model's classes can be had, but are not in its file."""
    return source_of(card) is not None


def has_stand_ins(card: ModelCard) -> bool:
    """Whether class names are left out of a card."""
    return any(STAND_IN.search(label) for label in card.labels)


def base_of(card: ModelCard) -> str:
    """The name of the person's own pictures that a model learned; "" where it learned others."""
    base = card.data.partition("+")[0]
    return base if base.startswith(UPLOAD) else ""


def source_of(card: ModelCard) -> DataSet | None:
    """Those pictures, where they are in memory."""
    return registry.cached(base) if (base := base_of(card)) else None


def stand_ins_of(data: DataSet) -> list[str]:
    """What stands for each class of a person's own pictures."""
    return [stand_in(place, data.name) for place in range(len(data.classes))]


def stand_in(place: int, base: str) -> str:
    """What stands for the class of that place."""
    return f"class {place + 1} · {digest_of(base)}"


def digest_of(base: str) -> str:
    """The beginning of the data's digest."""
    return base.removeprefix(UPLOAD)[:LETTERS]


def exchange_names(card: ModelCard, old: Sequence[str], new: Sequence[str]) -> ModelCard:
    """The card with names exchanged in titles, settings, recipe and figures."""
    texts: dict[str, Any] = {
        name: value
        for name, value in asdict(card).items()
        if name not in OPEN and not isinstance(value, int | float)
    }
    changed = {name: in_field(name, value, old, new) for name, value in texts.items()}
    results = {name: tuple(v) if isinstance(v, list) else v for name, v in changed.items()}
    above = tuple(title[:LONG] for title in results["above"])
    return replace(
        card, **results | {"title": results["title"][:LONG], "above": above, "labels": card.labels}
    )


def in_field(name: str, value: Any, old: Sequence[str], new: Sequence[str]) -> Any:
    """A field of a card with names exchanged; a class may be called as a setting is."""

    def exchange(text: str) -> str:
        return exchanged(text, old, new)

    if isinstance(value, dict) and name != "figures":
        return {key: in_strings(entry, exchange) for key, entry in value.items()}
    return in_strings(value, exchange)


def exchanged(text: str, old: Sequence[str], new: Sequence[str]) -> str:
    """Text with names exchanged where they are whole words."""
    return restore_names(new, hidden(old, text)).replace("class class ", "class ")
