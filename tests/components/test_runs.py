"""Asking from a page: answers, progress, stopping, failing, and leaving."""

import logging
import re
from itertools import count
from threading import Event
from time import sleep

import pytest
import streamlit as st
from streamlit.runtime.caching import clear_session_resource_cache
from streamlit.testing.v1 import AppTest

import engine.attribution
from components import jobs, notices, runs
from components.runs import Visit
from engine.core.lane import lanes
from tests import tiny
from tests.components import toy
from tests.components.pages import page_of
from tests.components.toy import Broken, Slow, Toy
from tests.visits import pills, problems, provenance, visit

REVISIONS = count(1)


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    """The Heatmaps view with toys in place of its methods."""
    monkeypatch.setattr(engine.attribution, "HEATMAPS", (Toy, Slow, Broken))
    monkeypatch.setattr(engine.attribution, "FIRST", (Toy,))
    for name in ("running", "stopped", "let_go"):
        monkeypatch.setattr(Slow, name, Event())
    monkeypatch.setattr(Slow, "revision", next(REVISIONS))  # nothing is known from another test
    Broken.calls = 0
    yield
    close_tabs()
    for job in [job for lane in lanes() for job in lane.jobs()]:
        job.wait(10)  # else it might take the next test's events for its own


def close_tabs() -> None:
    """What Streamlit does when a browser has gone."""
    clear_session_resource_cache("test session id")


def only(title: str, **settings) -> AppTest:
    return visit({"heatmaps.methods": [title], **settings})


def slow_page(draw=None) -> AppTest:
    """A page whose question is being computed: that of Heatmaps, or one that is drawn."""
    at = page_of(draw) if draw else only("Slow")
    assert Slow.running.wait(10)
    return at


def test_a_long_answer_shows_its_words_while_others_are_there_already():
    at = visit({"heatmaps.methods": ["Toy", "Slow"]})
    assert Slow.running.wait(10)
    at.run()
    assert any(text.startswith("Slow: round 1 of 4 · 25% · about ") for text in bars(at))
    assert len(provenance(at)) == 1


def test_a_job_that_the_page_begins_is_in_the_list_of_jobs_at_once():
    at = only("Slow")
    labels = [popover.proto.popover.label for popover in at.get("popover")]
    assert [label for label in labels if label.startswith("Jobs")] == ["Jobs (1)"]
    assert any(text.startswith("**Slow") for text in bars(at))


def bars(at: AppTest) -> list[str]:
    return [bar.proto.text for bar in at.get("progress")]


def test_stop_stops_the_work_and_says_so_and_start_again_starts_it():
    at = slow_page()
    at.button(key="heatmaps.Slow.stop").click().run()
    assert Slow.stopped.wait(10)
    assert problems(at) == ["Slow: Stopped."]
    at.run()
    assert problems(at) == ["Slow: Stopped."]
    Slow.let_go.set()
    at.button(key="heatmaps.Slow.again").click().run()
    finish(at)
    assert len(provenance(at)) == 1


def finish(at: AppTest) -> None:
    """Run again, as the browser does twice a second, until nothing is pending."""
    for _ in range(100):
        if not at.get("progress"):
            return
        sleep(0.05)
        at.run()
    pytest.fail("It never finished.")


def test_an_answer_is_kept_from_before_only_for_who_did_not_wait_for_it():
    at = slow_page()
    Slow.let_go.set()
    finish(at)
    assert map_origins(at) == ["computed now"]
    assert map_origins(at.run()) == ["computed now"]
    close_tabs()
    assert map_origins(only("Slow")) == ["kept from before"]


def map_origins(at: AppTest) -> list[str]:
    """What the line under each map says of when it was made."""
    lines = [caption.value for caption in at.main.caption if caption.value.count(" · ") >= 3]
    return [re.search(r"computed now|kept from before", line)[0] for line in lines]


def test_another_setting_gives_up_what_was_asked_before():
    slow_page().slider(key="heatmaps.Slow.size").set_value(0.25).run()
    assert Slow.stopped.wait(10)


def test_a_method_that_is_taken_away_is_no_longer_computed():
    at = visit({"heatmaps.methods": ["Toy", "Slow"]})
    assert Slow.running.wait(10)
    pills(at, "heatmaps.methods").unselect("Slow").run()
    assert Slow.stopped.wait(10)


def test_a_closed_tab_leaves_what_only_it_waited_for():
    slow_page()
    close_tabs()
    assert Slow.stopped.wait(10)


def test_a_tab_that_closes_leaves_those_who_wait_for_the_same():
    first, second = only("Slow"), only("Slow")
    assert Slow.running.wait(10)
    first.button(key="heatmaps.Slow.stop").click().run()
    assert not Slow.stopped.wait(0.2)
    Slow.let_go.set()
    finish(second)
    assert len(provenance(second)) == 1


def test_an_unexpected_failure_is_a_sentence_and_a_log_entry_and_is_not_tried_again(caplog):
    with caplog.at_level(logging.ERROR):
        at = visit({"heatmaps.methods": ["Toy", "Broken"]})
        finish(at)
        for _ in range(3):
            at.run()
    assert problems(at) == [f"Broken: {notices.UNEXPECTED}"]
    assert Broken.calls == 1
    assert "a secret of the inside" in caplog.text
    assert len(provenance(at)) == 1
    at.button(key="heatmaps.Broken.again").click().run()
    finish(at)
    assert Broken.calls == 2


@pytest.mark.parametrize("title", ["Broken", "Slow"])
def test_what_failed_or_was_stopped_in_the_list_of_jobs_keeps_what_it_had_found(title):
    at = page_of(growing, title)
    if title == "Slow":
        finish_first_round(at)
        next(button for button in at.button if button.key.startswith("jobs.stop.")).click().run()
    finish(at)
    assert any(message.startswith(f"{title}: ") for message in problems(at))
    assert [element.value for element in at.text] == ["found: ['map']"]


def growing(title):
    """A page with one answer that grows."""
    outcome = runs.ask(getattr(toy, title)(), tiny.cnn_case(), "growing.slot")
    runs.watch_growing(outcome, lambda partial: st.text(f"found: {list(partial)}"))
    jobs.jobs_button()


def finish_first_round(at: AppTest) -> None:
    """Until the page shows what is there so far."""
    assert Slow.running.wait(10)
    for _ in range(100):
        if at.run().text:
            return
        sleep(0.05)
    pytest.fail("Nothing was found.")


def test_another_setting_on_one_page_leaves_what_another_page_of_the_visitor_waits_for():
    at = slow_page(two_pages)
    at.toggle(key="one.other").set_value(True).run()
    assert not Slow.stopped.wait(0.2)
    at.toggle(key="two.other").set_value(True).run()
    assert Slow.stopped.wait(10)


def test_stop_on_one_page_leaves_what_another_page_of_the_visitor_waits_for():
    at = slow_page(two_pages)
    at.button(key="one.slot.stop").click().run()
    assert not Slow.stopped.wait(0.2)
    assert problems(at) == ["Slow: Stopped."]
    at.button(key="two.slot.stop").click().run()
    assert Slow.stopped.wait(10)


def two_pages():
    """Two pages of one visitor that ask the same at first."""
    for page in ("one", "two"):
        size = 0.25 if st.toggle("Other", key=f"{page}.other") else 0.5
        runs.watch([runs.ask(Slow(size=size), tiny.cnn_case(), f"{page}.slot")])


def test_the_place_in_the_queue_is_that_of_the_lane_that_was_asked():
    assert bars(slow_page(two_lanes).run())[1:3] == [
        "Slow: waiting: 1 other question goes first",
        "Slow: waiting: 2 other questions go first",
    ]


def two_lanes():
    """Three questions in one lane, and one in another, which is asked last."""
    case = tiny.cnn_case()
    results = [runs.ask(Slow(size=size), case, f"lanes.{size}") for size in (0.1, 0.2, 0.3)]
    elsewhere = toy.Elsewhere(case.model, case.image, case.target)
    runs.watch([*results, runs.ask(Slow(size=0.4), elsewhere, "lanes.0.4")])


def test_a_visit_that_ends_leaves_every_job():
    class Left:
        def __init__(self):
            self.visitors = {"me", "you"}

        def leave(self, visitor):
            self.visitors.remove(visitor)

    left = {"a": Left(), "b": Left()}
    Visit("me", dict(left)).end()
    assert all(job.visitors == {"you"} for job in left.values())


def two_views():
    """Two views of one visitor: the first asks two questions, of which the second view asks one."""
    case = tiny.cnn_case()
    view = st.segmented_control("View", ["first", "second", "third"], default="first", key="view")
    runs.visit().open_view(view)
    sizes = {"first": (0.25, 0.5), "second": (0.5,), "third": ()}[view]
    if view == "first":
        runs.ends_with_view({"first.0.25": "", "first.0.5": "second"})
    runs.watch([runs.ask(Slow(size=size), case, f"{view}.{size}") for size in sizes])


def waited_for() -> dict[str, set[str]]:
    """The visitors of every job, by its title."""
    return {job.name: set(job.visitors) for lane in lanes() for job in lane.jobs()}


def turn_to(at: AppTest, view: str) -> None:
    pills(at, "view").set_value(view).run()


def test_another_view_gives_up_what_ends_with_its_view_but_for_the_question_that_it_takes_over():
    at = slow_page(two_views)
    before = set(waited_for())
    assert len(before) == 2
    turn_to(at, "second")
    assert Slow.stopped.wait(10)  # the running one, which the second view does not ask
    assert len(before & set(waited_for())) == 1
    assert any(text.startswith("Slow: ") for text in bars(at))
    turn_to(at, "third")
    assert len(waited_for()) == 1  # it does not end with the second view: it goes behind
    assert all(job.is_behind for lane in lanes() for job in lane.jobs())
    turn_to(at, "second")
    assert not any(job.is_behind for lane in lanes() for job in lane.jobs())


def test_another_visitor_keeps_what_somebody_left_with_a_view():
    at = slow_page(two_views)
    shared = [job for lane in lanes() for job in lane.jobs()]
    for job in shared:
        job.join("another")
    turn_to(at, "third")
    assert not Slow.stopped.wait(0.2)
    assert [job.visitors for job in shared] == [{"another"}, {"another"}]
    assert not any(job.is_behind for job in shared)
    for job in shared:
        job.leave("another")


def test_a_run_that_is_out_of_date_does_not_wait_for_a_live_answer(monkeypatch):
    """Streamlit ends it where it looks at the session; so it looks while it waits."""

    class Left(BaseException):
        pass

    class Job:
        def wait(self, seconds):
            assert seconds <= runs.LOOKS
            return False

    class Held(dict):
        def get(self, key):
            raise Left

    monkeypatch.setattr(runs.st, "session_state", Held())
    with pytest.raises(Left):
        runs.wait_for(Job(), 20.0)
