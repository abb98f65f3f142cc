"""A way of forgetting that its part of the page looks at closer."""

import pytest

from components.forget.asked import ForgetQuestion, MethodDetail
from engine.core.result import Table
from engine.unlearning import AfterCase, BoardCase, FineTune, NoOp, Scoreboard
from tests import tiny


@pytest.fixture(scope="module")
def detail():
    case, ways = tiny.forget_case(), (NoOp(), FineTune(epochs=1))
    question = ForgetQuestion(Scoreboard(), BoardCase(case, ways))
    table = Table.of({"seconds": ([1.0], "s")}, ("FT",))
    return MethodDetail(question, AfterCase(case, ways[1]), table)
