"""Which words may stand in a link: not those by which a person calls classes of their own files.

A link is copied into messages, and every proxy and browser writes it down.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal

import streamlit as st

from engine.core.errors import BadModel
from engine.vision.data import DataSet
from engine.vision.data.folders import LOOSE, Imported
from engine.vision.data.registry import UPLOAD
from engine.vision.models import checkpoints
from engine.vision.models.checkpoints import PREFIX
from engine.vision.models.class_names import base_of
from engine.vision.models.classifier import Classifier
from engine.vision.models.own_file import FILE_PREFIX

ANYBODYS = re.compile(r"\d*|class \d+")  # numbers, which tell nothing


def bind(offered: Collection[Any]) -> Literal["query-params"] | None:
    """Whether a widget that offers these words has its word in the link."""
    return None if own_words().intersection(map(str, offered)) else "query-params"


def may_link(model: Classifier) -> bool:
    """Whether the names of a model's classes may stand in a link."""
    if model.name.startswith((FILE_PREFIX, UPLOAD)):
        return False
    if model.name.startswith(PREFIX):
        try:
            return not base_of(checkpoints.stored(model.name).card)
        except BadModel:  # deleted meanwhile
            return False
    return True


def own_words() -> frozenset[str]:
    words = {word for data in user_data_sets(dict(st.session_state)) for word in data.classes}
    return frozenset(word for word in words if word != LOOSE and not ANYBODYS.fullmatch(word))


def user_data_sets(stored: Any) -> Iterator[DataSet]:
    """The data from files of this person that a session holds."""
    match stored:
        case DataSet() if stored.name.startswith(UPLOAD):
            yield stored
        case Imported():
            yield from user_data_sets(stored.data)
        case Mapping():
            for value in stored.values():
                if isinstance(value, DataSet | Imported | dict):
                    yield from user_data_sets(value)
