"""What is known of a model beside its weights: enough to build it again and say whence it came."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
from torch import Tensor

from engine.core.errors import BadModel
from engine.core.keeping.packing import DAMAGE
from engine.core.result import Array, Checkpoint, Networks
from engine.vision.foreign_text import read_json
from engine.vision.models.bits import Packed, unpacked_bits
from engine.vision.models.classifier import Classifier, Lineage
from engine.vision.models.small import NetworkShape
from engine.vision.models.small.shape import USUAL_WIDTH, WIDTHS

MOST_CLASSES = 10_000
LONGEST_SIDE = 1024
LONG = 120  # letters of a title or label
BUDGET = 200_000  # letters of a card


@dataclass(frozen=True)
class ModelCard:
    """What is known of a model beside its weights, and all that is needed to build it again."""

    title: str
    architecture: str  # a key of BUILT, or timm: and a name of timm's
    channels: int  # that carry something: 1 or 3
    side: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    labels: tuple[str, ...]
    data: str = ""  # the data set it was trained on, by name
    recipe: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    figures: Mapping[str, float] = field(default_factory=dict)
    parent: str = ""  # fingerprint
    made_by: str = ""  # family.name
    settings: Mapping[str, Any] = field(default_factory=dict)
    above: tuple[str, ...] = ()  # titles from the first model down to the parent
    fingerprint: str = ""  # of the model, as it was when it was kept
    narrowed: bool = False  # channels were taken out: its layers are as wide as its weights say
    width: float = USUAL_WIDTH  # times the usual number of channels

    @property
    def trail(self) -> str:
        """The way here in one line."""
        return self.lineage.trail

    @property
    def lineage(self) -> Lineage:
        """Where the model came from, as a Classifier has it."""
        return Lineage(
            self.title, self.parent, self.made_by, json.dumps(dict(self.settings)), self.above
        )

    def as_json(self) -> str:
        """The card in words; the usual width is left out, as in cards from before it was there."""
        facts = asdict(self)
        if self.width == USUAL_WIDTH:
            del facts["width"]
        return json.dumps(facts, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> ModelCard:
        """The card again. Raises BadModel when it is none, or says what cannot be."""
        try:
            parsed = read_json(text, BUDGET)
            field_names = {spec.name for spec in fields(cls)}
            arguments: dict[str, Any] = {
                name: tuple(value) if isinstance(value, list) else value
                for name, value in parsed.items()
                if name in field_names
            }
            card = cls(**arguments)
            check(card)
        except (*DAMAGE, OverflowError) as error:
            raise BadModel(f"The file's card is no card of a model made here: {error}.") from error
        return card


def check(card: ModelCard) -> None:
    """Raise ValueError for what no card of ours says."""
    if not all(isinstance(row, tuple) for row in (card.mean, card.std, card.labels, card.above)):
        raise ValueError("labels, means and deviations are lists")
    words = [card.title, card.architecture, card.data, card.parent, card.made_by, card.fingerprint]
    for word in (*words, *card.labels, *card.above, *card.figures):
        if not isinstance(word, str) or len(word) > LONG or not word.isprintable():
            raise ValueError("a title or label is no plain text")
    numbers = [*card.mean, *card.std, *card.figures.values()]
    if not all(isinstance(n, int | float) and math.isfinite(n) for n in numbers):
        raise ValueError("a figure is no number")
    if len(card.mean) != 3 or len(card.std) != 3 or min(card.std) <= 0:
        raise ValueError("it needs three means and three deviations above 0")
    whole_numbers = {"channels": card.channels, "side": card.side, "seed": card.seed}
    if odd := [name for name, value in whole_numbers.items() if type(value) is not int]:
        raise ValueError(f"its {odd[0]} is no whole number")
    if card.channels not in {1, 3} or not 8 <= card.side <= LONGEST_SIDE:
        raise ValueError(f"no network takes {card.channels} channels of side {card.side}")
    if not 1 <= len(card.labels) <= MOST_CLASSES:
        raise ValueError(f"it has {len(card.labels)} labels")
    if type(card.narrowed) is not bool:
        raise ValueError("whether it was narrowed is neither yes nor no")
    if type(card.width) not in {int, float} or not WIDTHS[0] <= card.width <= WIDTHS[1]:
        raise ValueError(f"no network is {card.width!r:.20} times as wide as usual")
    if not all(isinstance(table, Mapping) for table in (card.recipe, card.settings, card.figures)):
        raise ValueError("a recipe is no table")


def card_of(
    model: Classifier,
    *,
    title: str = "",
    parent: Classifier | None = None,
    made_by: str = "",
    settings: Mapping[str, Any] | None = None,
    data: str = "",
    recipe: Mapping[str, Any] | None = None,
    seed: int = 0,
    figures: Mapping[str, float] | None = None,
    narrowed: bool = False,
) -> ModelCard:
    """The card of a model; what is left out is as its own lineage has it.

    Raises:
        BadModel: its architecture is not one that can be built again.
    """
    if not model.architecture:
        raise BadModel(f"{model.title} cannot be kept: its architecture has no name here.")
    shape = getattr(model.network, "shape", None)
    above = model.lineage.above if parent is None else (*parent.lineage.above, parent.title)
    return ModelCard(
        title=title or model.title,
        architecture=model.architecture,
        channels=shape.channels if isinstance(shape, NetworkShape) else 3,
        side=model.side,
        mean=plain_floats(model.mean),
        std=plain_floats(model.std),
        labels=model.labels,
        data=data,
        recipe=recipe or {},
        seed=seed,
        figures=figures or {},
        parent=model.lineage.parent if parent is None else parent.fingerprint,
        made_by=made_by or model.lineage.made_by,
        settings=json.loads(model.lineage.settings) if settings is None else settings,
        above=above,
        fingerprint=model.fingerprint,
        narrowed=narrowed or model.narrowed,
        width=shape.width if isinstance(shape, NetworkShape) else USUAL_WIDTH,
    )


def plain_floats(values: Tensor) -> tuple[float, ...]:
    """Means or deviations as plain numbers that give the same float32 again."""
    return tuple(float(str(np.float32(value))) for value in values.flatten().tolist())


def checkpoint(model: Classifier, card: ModelCard) -> Checkpoint:
    """A model as a view of a result: what a method that trains, prunes or unlearns gives back."""
    settings = json.dumps(dict(card.settings))
    return Checkpoint(
        weights_of(model),
        card.parent,
        card.made_by,
        settings,
        card.as_json(),
        masks_that_hold(model),
    )


def networks(models: Sequence[Classifier], cards: Sequence[ModelCard]) -> Networks:
    """Models of one form as one view; the first card says what made them and how.

    The masks of a weight are in it where all models carry one.

    Raises:
        ValueError: there is not one card for each model, or none.
    """
    if not models or len(models) != len(cards):
        raise ValueError(f"{len(models)} models have {len(cards)} cards")
    weight_sets = [weights_of(model) for model in models]
    weights = {
        name: np.stack([weight_set[name] for weight_set in weight_sets]) for name in weight_sets[0]
    }
    bits = [masks_that_hold(model) for model in models]
    common = [name for name in bits[0] if all(name in bit for bit in bits)]
    masks = {name: np.stack([bit[name] for bit in bits]) for name in common}
    settings, descriptions = (
        json.dumps(dict(cards[0].settings)),
        tuple(card.as_json() for card in cards),
    )
    return Networks(weights, cards[0].made_by, settings, descriptions, masks)


def masks_that_hold(model: Classifier) -> dict[str, Packed]:
    """The masks that a model carries, without those whose zeros were changed since."""
    state = model.network.state_dict()
    bits = unpacked_bits(model.masks, {name: tuple(tensor.shape) for name, tensor in state.items()})
    return {
        name: model.masks[name]
        for name, mask in bits.items()
        if not state[name].detach().cpu().numpy()[~mask].any()
    }


def weights_of(model: Classifier) -> dict[str, Array]:
    """A copy of the network's weights and buffers by name."""
    state = model.network.state_dict()
    return {name: tensor.detach().cpu().numpy().copy() for name, tensor in state.items()}
