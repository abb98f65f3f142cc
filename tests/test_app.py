"""What the page says when something was raised that no view had reckoned with."""

import logging

import pytest
from streamlit.testing.v1 import AppTest

from components.notices import UNEXPECTED
from engine.core.errors import BadData
from tests.visits import problems


@pytest.mark.parametrize(
    ("error", "words", "logged"),
    [
        (BadData("There is no [such] set."), "There is no [such] set.", False),
        (ZeroDivisionError("a secret of the inside"), UNEXPECTED, True),
    ],
)
def test_a_sentence_meant_for_a_person_is_shown_and_anything_else_is_logged(
    error, words, logged, caplog
):
    with caplog.at_level(logging.ERROR):
        at = AppTest.from_function(raised, args=(error,)).run()
    assert problems(at) == [words]
    assert ("secret" in caplog.text) is logged


def raised(error: Exception) -> None:
    from app import unexpected

    assert unexpected(error)
