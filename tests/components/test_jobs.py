"""The list of jobs: each has a name that may be read here, and its Stop is whole."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from components import jobs, measurement, runs
from components.measurement import MeasurementOnDemand
from engine.core.lane import Job, Past
from tests.components.pages import page_of


def show_jobs(title, public, words="", why="", end="done"):
    """One that runs and one that is over, of this visitor and of another one."""
    lane = SimpleNamespace(place=lambda _: 0, device="cpu")
    for visitor in (runs.visit().visitor, "ann"):
        job = Job(visitor, lambda _: None, "wait", {visitor}, 0, title.format(visitor), public)
        job.words = words.format(visitor)
        jobs.running(lane, job)
        outcome = frozenset({visitor}), end, why.format(visitor), 2.0, datetime.now(UTC)
        jobs.finished_jobs([Past("x", title.format(visitor), public, *outcome)])


@pytest.mark.parametrize("titles", [("", ""), ("Mine", ""), ("", "Public"), ("Mine", "Public")])
def test_every_job_has_a_name_whoever_reads_it(titles):
    at = page_of(show_jobs, *titles)
    bars = [bar.proto.text for bar in at.get("progress")]
    lines = [line.value for line in at.markdown]
    assert len(bars) == len(lines) == 2
    for text in (*bars, *lines):
        assert "****" not in text
        assert ":  ·" not in text
    own_title, foreign = (bar.split("**")[1] for bar in bars)
    assert own_title == (titles[0] or "A question")
    assert foreign == (titles[1] or "A question")


def test_stop_is_not_squeezed_into_a_share_of_a_narrow_list():
    at = page_of(show_jobs, "Mine", "Public")
    assert [button.label for button in at.button] == ["Stop", "Stop"]
    assert not at.columns


def test_what_a_button_measures_has_a_name_for_strangers(monkeypatch):
    submitted = []

    class Queue:
        def submit(self, *given, public=""):
            submitted.append(public)
            raise RuntimeError("enough")

    monkeypatch.setattr(measurement, "lane", lambda _: Queue())
    slow = MeasurementOnDemand("m", "Measured time", "m", "cpu", lambda _: "done")
    button = page_of(measurement.show, slow, print).button(key="m.go").click()
    with pytest.raises(AssertionError):  # by the queue's "enough"
        button.run()
    assert submitted == ["Measured time"]


def test_the_list_of_jobs_shows_another_visitor_s_with_the_method_alone():
    """What a visitor called their classes is for that visitor's eyes."""
    words = "Secretum of {}"
    why = f"{words} is the same everywhere."
    at = page_of(show_jobs, f"Grad-CAM · {words}", "Grad-CAM", f"step 3: {words}", why, "failed")
    drawn = [*at.caption, *at.markdown, *at.get("progress")]
    text = "\n".join(str(getattr(element, "value", "")) + str(element.proto) for element in drawn)
    assert "Secretum of ann" not in text
    assert "another visitor" in text
    assert text.count("Secretum of") >= 3
