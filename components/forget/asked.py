"""The question: a model, what it is to forget, the ways that are tried, and one looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from components import runs
from engine.case import ImageCase
from engine.case.target import Target
from engine.data import DataSet
from engine.keeping.lazy import lazy
from engine.method import Method
from engine.models.classifier import Classifier
from engine.models.rebuild import rebuilt
from engine.result import Checkpoint, Columns
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
    """One way that is looked at closely, and the scoreboard it stands in."""

    asked: Asked
    method: Unlearner
    table: Columns

    @lazy
    def case(self) -> AfterCase:
        """What looks are asked about."""
        return AfterCase(self.asked.case, self.method)

    @property
    def data(self) -> DataSet:
        """What the model learned from."""
        return self.asked.data

    def look(self, method: Method[AfterCase]) -> Answer | None:
        """What a quick look found; None, with how far it is, while it is computed."""
        outcome = runs.ask(method, self.case, f"{KEY}.{method.name}")
        if isinstance(outcome, Answer):
            return outcome
        runs.watch([outcome])
        return None


def print_of(one: Classifier | DataSet) -> str:
    """By which a model or a data set is told apart from others."""
    return one.fingerprint


def request_facts(asked: ForgetRequest) -> tuple[str, int | None, list[int]]:
    """By which a request is told apart from others."""
    return asked.kind, asked.label, np.sort(asked.ids).tolist()


APART: dict[str | type[Any], Callable[[Any], Any]] = {
    Classifier: print_of,
    DataSet: print_of,
    ForgetRequest: request_facts,
}


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs=APART)
def case_of(model: Classifier, data: DataSet, request: ForgetRequest) -> ForgetCase:
    """The case, made once."""
    return forget_case(model, data, request)


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs=APART)
def pruning_case(model: Classifier, data: DataSet) -> PruneCase:
    """The question that the search for the hardest images is asked about, made once."""
    return PruneCase(model, data)


@st.cache_resource(max_entries=24, show_spinner=False)
def model_of(_view: Checkpoint, fingerprint: str, name: str) -> Classifier:
    """The model of a checkpoint; the last few are held."""
    del fingerprint
    return rebuilt(_view, name)


def image_case(model: Classifier, data: DataSet, row: int) -> ImageCase:
    """A question about an image of the data and its label."""
    pixels = data.pixels(np.array([row]))[0].contiguous()
    return ImageCase(model, pixels, Target(int(data.labels[row])))
