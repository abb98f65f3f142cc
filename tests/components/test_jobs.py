"""The list of jobs: each has a name that may be read here, and its Stop is whole."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from components import measurement
from components.measurement import MeasurementOnDemand


def show_jobs(titles: tuple[str, str]) -> None:
    """One that runs and one that is over, of this visitor and of another one."""
    from datetime import UTC, datetime
    from types import SimpleNamespace

    from components import jobs, runs
    from engine.lane import Job, Past

    title, public = titles
    lane = SimpleNamespace(place=lambda _: 0, device="cpu")
    for visitor in (runs.visit().visitor, "ann"):
        jobs.running(lane, Job(visitor, lambda _: None, "wait", {visitor}, 0, title, public))
        over = Past("x", title, public, frozenset({visitor}), "done", "", 2.0, datetime.now(UTC))
        jobs.finished_jobs([over])


@pytest.mark.parametrize("titles", [("", ""), ("Mine", ""), ("", "Public"), ("Mine", "Public")])
def test_every_job_has_a_name_whoever_reads_it(titles):
    at = AppTest.from_function(show_jobs, kwargs={"titles": titles}).run()
    assert not at.exception
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
    at = AppTest.from_function(show_jobs, kwargs={"titles": ("Mine", "Public")}).run()
    assert [button.label for button in at.button] == ["Stop", "Stop"]
    assert not at.columns


def measured() -> None:
    from components import measurement
    from tests.components.test_jobs import SLOW

    measurement.show(SLOW, print)


SLOW: MeasurementOnDemand[str] = MeasurementOnDemand(
    "m", "Measured time", "m", "cpu", lambda _: "done"
)


def test_what_a_button_measures_has_a_name_for_strangers(monkeypatch):
    submitted = []

    class Queue:
        def submit(self, *given, public=""):
            submitted.append(public)
            raise RuntimeError("enough")

    monkeypatch.setattr(measurement, "lane", lambda _: Queue())
    at = AppTest.from_function(measured).run()
    at.button(key="m.go").click().run()
    assert submitted == ["Measured time"]
