"""A visitor whose share of memory is full brings weights: a sentence, and nothing they had is lost.

Elsewhere: `tests/engine/core/test_budget.py` tests the budget, `tests/components/test_login.py`
that it is given back.
"""

import pytest
from streamlit.testing.v1 import AppTest

from components import presence
from components.views import HEATMAPS
from engine.core.keeping import budget
from engine.core.keeping.budget import MemoryBudget
from engine.vision.models import embedded
from tests import plain_loop
from tests.components.sidebar.test_own_weights import asking
from tests.plain_loop import PlainTraining
from tests.visits import problems, provenance, settled, visit

SHARE = 10_000_000
REFUSAL = "You have 10 MB open, and a visitor may have 10 MB: give a smaller file"


@pytest.fixture
def small(monkeypatch):
    memory_budget = MemoryBudget(total=100 * SHARE, kept=2 * SHARE, each=SHARE)
    monkeypatch.setattr(budget, "BUDGET", memory_budget)
    return memory_budget


def fill(small, visitor):
    """Book the rest of a visitor's share."""
    return small.book(visitor, SHARE - small.booked[visitor])


def bring_weights(at, content, called, architecture=""):
    at.file_uploader(key="models.weights").set_value((called, content, ""))
    at.text_input(key="models.arch").set_value(architecture)
    return settled(at.button(key="models.open").click().run())


def own_models(at):
    return list(at.session_state["models.own"].values())


def test_weights_without_room_are_refused_and_the_page_stays_as_it_was(small):
    present = set(presence._present)
    at = settled(visit({"model": "Digits CNN"}, HEATMAPS))
    (session,) = presence._present - present
    before = provenance(at)
    assert before
    filled = fill(small, session.visitor)
    content = embedded.file_of("phantom-cnn").read_bytes()
    at = bring_weights(at, content, "mine.safetensors")
    assert any(words.startswith("This model takes") and REFUSAL in words for words in problems(at))
    assert at.selectbox(key="model").value == "digits-cnn"
    assert provenance(at) == before
    assert not own_models(at)
    filled.free()
    at = bring_weights(at, content, "mine.safetensors")
    assert not any(REFUSAL in words for words in problems(at))
    (model,) = own_models(at)
    assert small.booked[session.visitor] == model.own_bytes
    assert provenance(at)
    assert provenance(at) != before


def test_the_room_of_a_visitor_who_has_left_is_another_s(small):
    present = set(presence._present)
    content = embedded.file_of("phantom-cnn").read_bytes()
    left = AppTest.from_function(asking, default_timeout=300).run()
    left = bring_weights(left, content, "mine.safetensors")
    (model,) = own_models(left)
    (leaving,) = presence._present - present
    small.kept = model.own_bytes
    stays = AppTest.from_function(asking, default_timeout=300).run()
    stays = bring_weights(stays, content, "mine.safetensors")
    assert any("The visitors of this server have" in words for words in problems(stays))
    assert not own_models(stays)
    del left, model
    presence._present.discard(leaving)
    leaving.let_go()
    stays = bring_weights(stays, content, "mine.safetensors")
    assert len(own_models(stays)) == 1
    assert leaving.visitor not in small.booked


def test_a_format_without_room_for_a_copy_leaves_the_model_as_it_was(small):
    present = set(presence._present)
    at = visit({"model": "Digits CNN"}, HEATMAPS)
    (session,) = presence._present - present
    weights = plain_loop.weights(plain_loop.untrained(PlainTraining()))
    at = bring_weights(at, weights, "mine.pt", "test_efficientnet")
    (model,) = own_models(at)
    at.session_state["models.format.open"] = True
    at = settled(at.run())
    answered = provenance(at)
    assert answered
    filled = fill(small, session.visitor)
    next(field for field in at.number_input if field.key.startswith("models.stated.")).set_value(64)
    at = settled(at.button(key="models.read").click().run())
    assert any(REFUSAL in words for words in problems(at))
    assert own_models(at) == [model]
    assert (model.side, provenance(at)) == (160, answered)
    captions = " ".join(caption.value for caption in at.caption).replace("\\", "")
    assert "From your file mine.pt · takes 160 × 160 px" in captions
    filled.free()
    at = settled(at.button(key="models.read").click().run())
    assert not any(REFUSAL in words for words in problems(at))
    assert [model.side for model in own_models(at)] == [64]
