"""What the Forget view asks: model, data, what is to be forgotten, and by which ways."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from components import runs
from engine.case import ImageCase
from engine.case.target import Target
from engine.data import DataSet
from engine.keeping.lazy import lazy
from engine.method import Method
from engine.models.classifier import Classifier
from engine.models.rebuild import rebuilt
from engine.result import Checkpoint
from engine.run import Answer
from engine.unlearning import (
    AfterCase,
    BoardCase,
    ForgetCase,
    ForgetRequest,
    Scoreboard,
    Unlearner,
    forget_case,
)
from engine.weights.case import PruneCase

KEY = "forget"
MODELS = ("original", "unlearned", "retrained")
WORDS = {"original": "before", "unlearned": "after", "retrained": "never saw it"}


@dataclass(frozen=True)
class Asked:
    """A model that is to forget something, and ways of which each is tried.

    Args:
        case: what is to be forgotten by which model.
        methods: the ways, in the order in which they are run.
        seeds: how often each is run.
    """

    case: ForgetCase
    methods: tuple[Unlearner, ...]
    seeds: int = 1

    @lazy
    def board(self) -> BoardCase:
        """The ways side by side."""
        return BoardCase(self.case, self.methods)

    @property
    def scoreboard(self) -> Scoreboard:
        """What is asked of them."""
        return Scoreboard(seeds=self.seeds)

    @property
    def data(self) -> DataSet:
        """What the model learned from."""
        return self.case.data


@dataclass(frozen=True)
class Closer:
    """One way that is looked at closely."""

    asked: Asked
    method: Unlearner

    @lazy
    def case(self) -> AfterCase:
        """What looks are asked about."""
        return AfterCase(self.asked.case, self.method)

    @property
    def data(self) -> DataSet:
        """What the model learned from."""
        return self.asked.data


@st.cache_resource(max_entries=8, show_spinner=False)
def case_of(
    _model: Classifier, _data: DataSet, _request: ForgetRequest, seed: int, names: str
) -> ForgetCase:
    """The case; `names` tells model, data and request apart."""
    del names
    return forget_case(_model, _data, _request, seed=seed)


def named_case(model: Classifier, data: DataSet, request: ForgetRequest, seed: int) -> ForgetCase:
    """The case, made once."""
    ids = np.sort(request.ids).tolist()
    names = f"{model.fingerprint}|{data.fingerprint}|{request.kind}|{request.label}|{ids}"
    return case_of(model, data, request, seed, names)


@st.cache_resource(max_entries=8, show_spinner=False)
def pruning_of(_model: Classifier, _data: DataSet, names: str) -> PruneCase:
    """Model and data alone; `names` tells them apart."""
    del names
    return PruneCase(_model, _data)


def pruning_case(model: Classifier, data: DataSet) -> PruneCase:
    """The question that the search for the hardest images is asked about, made once."""
    return pruning_of(model, data, f"{model.fingerprint}|{data.fingerprint}")


@st.cache_resource(max_entries=24, show_spinner=False)
def model_of(_view: Checkpoint, fingerprint: str, name: str) -> Classifier:
    """The model of a checkpoint; the last few are held."""
    del fingerprint
    return rebuilt(_view, name)


def image_case(model: Classifier, data: DataSet, row: int) -> ImageCase:
    """A question about an image of the data and its label."""
    pixels = data.pixels(np.array([row]))[0].contiguous()
    return ImageCase(model, pixels, Target(int(data.labels[row])))


def thumb_pixels(data: DataSet, row: int) -> NDArray[np.uint8]:
    """An image of the data as (H, W, 3) uint8."""
    picture = data.images[row].transpose(1, 2, 0)
    return np.ascontiguousarray(np.broadcast_to(picture, (*picture.shape[:2], 3)))


def word_of(data: DataSet, label: float) -> str:
    """A class in words."""
    return data.classes[int(label)]


def looked(closer: Closer, look: Method[AfterCase], label: str = "") -> Answer | None:
    """What a look found; None while it is computed. With a label it waits for a button."""
    slot = f"{KEY}.{look.name}.{getattr(look, 'model', '')}"
    if label:
        outcome = runs.ask_when_told(look, closer.case, slot, label)
    else:
        outcome = runs.ask(look, closer.case, slot)
    if isinstance(outcome, Answer):
        return outcome
    if outcome is not None:
        runs.watch([outcome])
    return None
