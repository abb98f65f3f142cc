"""What of the models and trainings here a person is shown.

Whoever trains on a file of their own does so on a machine that others use too: title and class
names of that file are theirs. What learned from it is offered to those who opened the same file, to
whoever imported or chose the model, and to those whose link names it.
"""

from __future__ import annotations

import streamlit as st

from components import uploads
from engine.data.registry import UPLOAD
from engine.models import catalog
from engine.models.catalog import ModelEntry


def models() -> tuple[ModelEntry, ...]:
    """The models that this person is offered."""
    return tuple(one for one in catalog.entries() if offered(one))


def offered(entry: ModelEntry) -> bool:
    """Whether this person is shown a model."""
    return (
        may_see(entry.data)
        or entry.name in remembered()
        or entry.name == st.session_state.get("model")
        or any(entry.name[-4:] == line[-4:] for line in st.query_params.get_all("model"))
    )


def may_see(data: str) -> bool:
    """Whether a data set, or what it is a variant of, is no file or one that this person opened."""
    base = data.partition("+")[0]
    return not base.startswith(UPLOAD) or base in {one.data.name for one in uploads.held().values()}


def remember(name: str) -> None:
    """This person has the model of that name, whoever opened what it learned from."""
    remembered().add(name)


def remembered() -> set[str]:
    """The names of models that this person imported."""
    names: set[str] = st.session_state.setdefault("models.remembered", set())
    return names
