"""The base of all cases: every field counts, and nothing that a visitor named does."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest
from torch import Tensor

from engine.core.case_base import Case, value_parts
from engine.core.errors import DoesNotFit
from engine.core.method import Method, case_kind
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from engine.vision.case.wrapped import WrappedCase
from engine.vision.data import DataSet
from engine.vision.models.classifier import Classifier
from tests import tiny


@dataclass(frozen=True, eq=False)
class ToyCase(Case):
    """A field of each sort."""

    case_name: ClassVar[str] = "toy"
    what: ClassVar[str] = "a toy"
    gives: ClassVar[frozenset[str]] = frozenset({"toys"})

    model: Classifier
    data: DataSet
    image: Tensor
    table: np.ndarray
    target: Target
    names: tuple[str, ...] = ("a", "b")
    numbers: Mapping[str, Any] | None = None
    seed: int = 0


@dataclass(frozen=True, eq=False)
class AroundToy(WrappedCase):
    """A toy and a word."""

    case_name: ClassVar[str] = "around"
    what: ClassVar[str] = "a toy and a word"

    toy: ToyCase
    word: str = "one"


@dataclass(frozen=True)
class OfToys(Method[ToyCase]):
    """A method that is asked about toys."""

    name, family, title, cost = "OfToys", "toy", "Of toys", "live"
    needs = frozenset({"convolution", "toys"})

    def __call__(self, case, progress=lambda *_: None):
        return {}


@pytest.fixture
def toy():
    data, numbers = tiny.data_for(tiny.cnn()), {"k": 1}
    return ToyCase(tiny.cnn(), data, tiny.image(), np.arange(6), Target(1), numbers=numbers)


IN_TWO_ORDERS = ({"a": 1, "b": 2}, {"b": 2, "a": 1})


def test_every_field_and_the_kind_count_in_the_fingerprint_and_no_order_of_names(toy):
    others = [
        toy,
        replace(toy, model=tiny.cnn(seed=3)),
        replace(toy, data=tiny.data_for(toy.model, seed=4)),
        replace(toy, image=toy.image * 0.5),
        replace(toy, image=toy.image.reshape(3, 16, 64)),
        replace(toy, table=np.arange(6.0)),
        replace(toy, table=np.arange(6).reshape(2, 3)),
        replace(toy, target=Target(1, versus=0)),
        replace(toy, names=("ab",)),
        replace(toy, names=("a", "b", "")),
        replace(toy, numbers={"k": 2}),
        replace(toy, numbers=None),
        replace(toy, seed=1),
    ]
    assert len({variant.fingerprint for variant in others}) == len(others)
    assert replace(toy).fingerprint == toy.fingerprint
    assert replace(toy, image=toy.image.clone()).fingerprint == toy.fingerprint
    assert len(bytes.fromhex(toy.fingerprint)) == 16
    first, second = (replace(toy, numbers=numbers).fingerprint for numbers in IN_TWO_ORDERS)
    assert first == second
    other = type("Other", (ToyCase,), {"case_name": "other"})  # the same fields
    twin = other(toy.model, toy.data, toy.image, toy.table, toy.target, toy.names, toy.numbers)
    assert twin.fingerprint != toy.fingerprint


def test_neither_given_class_names_nor_what_nothing_tells_apart_is_in_a_fingerprint(toy):
    before = toy.fingerprint
    toy.model.labels = tuple(f"Patient {index}" for index in range(4))
    assert replace(toy).fingerprint == before
    assert "Patient" not in str(toy.facts())
    with pytest.raises(TypeError, match="a object has no fingerprint"):
        list(value_parts([object()]))


def test_lane_facts_and_lacks_come_from_the_fields(toy):
    assert toy.lane == "cpu"
    assert toy.facts() == {
        "kind": "toy",
        "model": "tiny-cnn",
        "model_fingerprint": toy.model.fingerprint,
        "data": "noise",
        "data_fingerprint": toy.data.fingerprint,
        "side": 32,
        "precision": "exact",
        "seed": 0,
    }
    assert toy.lacks("toys") == ""
    assert toy.lacks("convolution") == ""
    assert "attention" in toy.lacks("attention")


def test_a_case_around_another_one_has_its_model_lane_and_facts(toy):
    around = AroundToy(toy)
    assert (around.model, around.lane, around.precision) == (toy.model, "cpu", "exact")
    assert around.facts() == {**toy.facts(), "kind": "around"}
    assert around.lacks("attention") == toy.lacks("attention")
    assert replace(around, word="two").fingerprint != around.fingerprint
    assert AroundToy(replace(toy, seed=1)).fingerprint != around.fingerprint


def test_a_case_without_a_model_refuses_what_a_model_would_give():
    word = type("Word", (Case,), {"case_name": "word", "what": "a word", "asks": ""})()
    assert word.lacks("gradient") == "it needs gradient, which a word cannot give."
    assert word.facts() == {"kind": "word", "precision": "exact"}


def test_a_method_is_refused_about_any_other_kind_of_case(toy):
    assert case_kind(OfToys) is ToyCase
    assert OfToys.unmet(toy) == ""
    assert OfToys.unmet(tiny.cnn_case()) == "it needs a toy."
    with pytest.raises(DoesNotFit, match="Of toys: it needs a toy"):
        OfToys().check(AroundToy(toy))


def test_another_precision_is_another_case_and_changes_nothing_else():
    case = tiny.cnn_case()
    assert case.at("exact") is case
    assert isinstance(case.at("fast"), ImageCase)
    assert case.at("fast").fingerprint != case.fingerprint
    around = AroundToy(case, "two")
    fast = around.at("fast")
    assert (fast.precision, fast.toy.precision, fast.word) == ("fast", "fast", "two")
    assert (around.precision, fast.at("exact").precision) == ("exact", "exact")
