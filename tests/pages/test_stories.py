"""The page of stories: bad links are said, and each step leads to the same question in its view."""

from urllib.parse import parse_qs, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from components import in_distribution
from components.notices import RESEARCH
from components.stories import page
from components.stories.told import STORIES
from components.views import STORIES as VIEW
from components.views import VIEWS
from engine.core import run
from tests.visits import problems, settled, visit, words

BY_ADDRESS = {view.address: view for view in VIEWS}
LINKS = {step.address: step for story in STORIES for step in story.steps}


@pytest.fixture(autouse=True)
def nothing_is_asked(monkeypatch, request):
    """No step begins a job; a workbench may."""
    if "workbench" not in request.node.name:
        monkeypatch.setattr(run, "ask", lambda *_: pytest.fail("something is computed"))


def opened(**link):
    return visit(link, VIEW)


@pytest.mark.parametrize("one", STORIES, ids=lambda narrative: narrative.name)
def test_every_step_is_drawn_from_what_ships(one):
    for at, step in enumerate(one.steps, 1):
        app = opened(story=one.name, step=str(at))
        assert not problems(app)
        assert app.title[0].value == step.title
        results = [run.kept_answer(*question) for question in step.asks()]
        sentences = [line.value.replace("\\", "") for line in app.main.header]
        assert sentences == [step.sentence(*results)]
        assert RESEARCH in [line.value for line in app.caption]


def test_without_a_story_they_are_offered_with_what_comes_out_in_each(monkeypatch):
    drawn = []
    monkeypatch.setattr(page, "show_picture", lambda pixels, *_args, **_more: drawn.append(pixels))
    app = opened()
    assert [line.value for line in app.main.header] == [story.title for story in STORIES]
    assert not problems(app)
    for story, pixels in zip(STORIES, drawn, strict=True):
        step = story.steps[story.cover]
        results = [run.kept_answer(*question) for question in step.asks()]
        assert step.sentence(*results) in words(app).replace("\\", "")
        assert (pixels == story.picture(*results)).all()


def test_an_unknown_story_is_said_and_the_others_are_offered():
    app = opened(story="dog*s", step="2")
    assert problems(app) == ["There is no story called “dog*s”; choose one of these."]
    assert len(app.main.header) == len(STORIES)


@pytest.mark.parametrize("step", ["99", "0", "-1", "two", "", "9" * 5000, "0" * 39 + "19"])
def test_a_step_that_does_not_exist_is_said_and_the_first_is_shown(step):
    app = opened(story="cat", step=step)
    assert problems(app) == [
        f"The link asks for step “{step[:40]}”; this story has steps 1 to {len(STORIES[0].steps)}."
    ]
    assert app.title[0].value == STORIES[0].steps[0].title


def test_the_notes_have_a_window_of_their_own():
    app = opened(story="cat", step="1", notes="1")
    first, second, *_ = STORIES[0].steps
    assert [line.value for line in app.main.header] == [page.escape_markdown(first.note)]
    assert f"Next: {second.title}" in words(app)
    last = opened(story="cat", step=str(len(STORIES[0].steps)), notes="1")
    assert "Next: the end" in words(last)


def test_an_answer_that_does_not_ship_is_said_and_not_computed(monkeypatch):
    monkeypatch.setattr(run, "kept_answer", lambda *_: None)
    app = AppTest.from_function(scene_of, args=(STORIES[0].steps[0],)).run()
    (problem,) = problems(app)
    assert problem == "The answer to this step does not ship with this version; open it below."
    assert not app.header


def scene_of(step):
    from components.stories import page

    page.draw_step(step, "test")


@pytest.mark.parametrize("address", LINKS)
def test_the_workbench_asks_the_same(address, monkeypatch):
    """The view takes the link as it is, and looks for the same answers."""
    digests, known = set(), run.kept_answer

    def noted(method, case):
        digests.add(run.digest(method, case))
        return known(method, case)

    monkeypatch.setattr(run, "kept_answer", noted)
    # with 2,000 phantoms
    monkeypatch.setattr(in_distribution, "prepare_comparison", lambda _about: None)
    parts = urlsplit(address)
    assert not problems(settled(visit(parse_qs(parts.query), BY_ADDRESS[parts.path])))
    assert {run.digest(*question) for question in LINKS[address].asks()} <= digests
