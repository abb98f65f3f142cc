"""What the views of Anomaly open with ships, so that a fresh install computes nothing for it."""

import pytest

from components.views import DOUBT, WHERE_ODD, AppPage
from engine import run
from engine.anomaly import opening
from engine.gallery import shipped_answer
from tests.visits import visit

VIEWS = {"where": (WHERE_ODD, opening.where), "doubt": (DOUBT, opening.doubt)}
each_view = pytest.mark.parametrize("name", VIEWS)


@pytest.fixture
def computed(monkeypatch) -> list[str]:
    """Titles of what would be computed; nothing is."""
    titles: list[str] = []

    def refuse(name, method, case, progress):
        titles.append(method.title)
        raise AssertionError(method.title)

    monkeypatch.setattr(run, "compute", refuse)
    return titles


@each_view
def test_the_first_answers_ship(name: str) -> None:
    _, questions = VIEWS[name]
    missing = [question[0].title for question in questions() if shipped_answer(question) is None]
    assert missing == [], "run: python -m engine gallery"


@each_view
def test_a_first_visit_is_answered_without_computing(name: str, computed: list[str]) -> None:
    view: AppPage = VIEWS[name][0]
    at = visit({}, view)
    assert len(at.main.header) >= len({type(method) for method, _ in VIEWS[name][1]()})
    assert computed == []
    assert not at.main.get("progress")
