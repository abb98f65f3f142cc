"""A sweep in the lane of the app: stopped in the middle, it keeps what was done."""

from dataclasses import replace

import pytest

from engine.core.errors import BlindspotError, Cancelled
from engine.core.method import quiet
from engine.sweep import in_lane, work
from engine.sweep.in_lane import computing, looking_up, plan_name
from engine.sweep.spread import LocalExecutor
from engine.sweep.sweeping import look_up, sweep
from tests.engine.sweep.conftest import arrays


def test_a_job_that_is_stopped_keeps_what_was_computed_and_goes_on(at_home, digits):
    home, reports = at_home(), []

    def stops(done, words="", partial=None):
        reports.append((done, words))
        if len(arrays(home)) == 4:
            raise Cancelled("Cancelled.")

    looked = in_lane.submit("look", looking_up(digits(3)), "live", "me").value()
    assert len(looked.missing) == 9
    with pytest.raises(Cancelled):
        computing(looked)(stops)
    assert len(arrays(home)) == 4
    assert [done for done, _ in reports] == sorted(done for done, _ in reports)
    assert any("a second · about" in words for _, words in reports)
    looked = looking_up(digits(3))(quiet)
    assert (looked.kept, len(looked.missing)) == (4, 5)
    done = computing(looked)(quiet)
    assert (done.computed, len(done.rows)) == (5, 9)


def test_a_sweep_let_through_within_another_does_not_wait_for_its_question(
    at_home, digits, monkeypatch
):
    """Both run in one thread: the inner one would wait for a claim that the outer one holds."""
    at_home()
    looked = looking_up(digits(1))(quiet)
    kind = type(looked.missing[0].question.ask()[0])
    plain, inner = kind.__call__, []

    def asks_back(self, case, progress=quiet):
        if not inner:
            inner.append(in_lane.submit("a second's", computing(looked), "live", "other"))
            progress(0.5)  # which lets it through
        return plain(self, case, progress)

    monkeypatch.setattr(kind, "__call__", asks_back)
    outer = in_lane.submit("a first visitor's", computing(looked), "job", "me")
    try:
        assert outer.wait(20)
        assert len(inner[0].value().rows) == len(outer.value().rows) == 3
    finally:
        for job, visitor in (inner[0], "other"), (outer, "me"):
            job.leave(visitor)
        outer.stop("me")


def test_a_job_ends_after_an_hour_and_says_so(at_home, digits, monkeypatch):
    home = at_home()
    monkeypatch.setattr(in_lane, "MOST_SECONDS", 0.0)
    with pytest.raises(BlindspotError, match="1 of 3 answers are computed and kept"):
        computing(looking_up(digits(1))(quiet))(quiet)
    assert len(arrays(home)) == 1


def test_the_name_of_a_plan_tells_what_its_answers_depend_on(digits, monkeypatch):
    name = plan_name(digits(2))
    assert plan_name(digits(2)) == name != plan_name(digits(3))
    monkeypatch.setattr(in_lane.method_named("attribution.GradCam"), "revision", 99)
    assert plan_name(digits(2)) != name


def test_what_failed_once_is_not_tried_again_for_the_same_image(at_home, digits, monkeypatch):
    at_home()
    twice = replace(digits(1), settings={}, images=digits(1).images * 2)
    looked, methods = look_up(twice, LocalExecutor(), quiet), []

    def fails(method, case, progress):
        methods.append(method)
        raise ZeroDivisionError

    monkeypatch.setattr(work.run, "answer", fails)
    done = sweep(looked, LocalExecutor(), quiet)
    assert (len(methods), done.faults, len(done.left_out)) == (2, 4, 4)
