"""Experiments of Anomaly as a visitor meets them: a card each, a run, its claims, what ships."""

import numpy as np
import pytest

from components.views import ANOMALY_EXPERIMENTS, DOUBT, WHERE_ODD
from engine.anomaly import EXPERIMENTS, TLC, LokiExperiment, SmoteExperiment
from engine.anomaly.smote.drawings import DRAWN, FIRST, REAL, SECOND, SEGMENTS
from engine.commands.gallery import shipped_answer
from engine.commands.openings import anomaly as opening
from engine.core import run
from engine.core.charts.drawing import exhibit
from engine.core.keeping.store import Store
from engine.core.result import Table
from engine.core.run import answer
from engine.evaluation.experiment import ExperimentCase
from engine.vision import data as data_sets
from tests.visits import problems, run_experiment, unfolded, visit, words


def opened(kind, **link):
    return visit({"anomaly.chosen": kind.title, **link}, ANOMALY_EXPERIMENTS)


def test_every_experiment_has_a_card_with_its_picture_and_what_it_found(monkeypatch, tmp_path):
    store = Store(tmp_path / "answers")
    monkeypatch.setattr(run, "store", lambda: store)
    case = ExperimentCase(data_sets.load("bars"))
    result = answer(LokiExperiment(), case)
    at = visit(view=ANOMALY_EXPERIMENTS)
    assert at.sidebar.radio[0].options == [kind.title for kind in EXPERIMENTS]
    assert not at.main.get("image")
    at = unfolded(at)
    assert not problems(at)
    text = words(at)
    for kind in EXPERIMENTS:
        assert kind.title in text
    assert text.count("Not run here yet.") == len(EXPERIMENTS) - 1
    assert LokiExperiment().finding(case, result) in text
    assert len(at.main.get("image")) == len(EXPERIMENTS)
    at.button(key="anomaly.open.Loki").click().run()
    assert LokiExperiment.question in words(at)


def test_a_run_ends_in_the_claims_of_the_answer():
    at = run_experiment(opened(SmoteExperiment, **{"anomaly.SMOTE.seeds": "2"}))
    result = answer(SmoteExperiment(seeds=2), ExperimentCase(data_sets.load("digits")))
    assert result.kept
    assert at.main.header[0].value.startswith(f"{result['claims'].rows[0]}: ")
    text = words(at)
    assert len(at.main.get("plotly_chart")) == 3  # figures, projection and hulls
    places = result["projection"]
    spreads = [
        sum(places[name][np.array(places.rows) == group].var() for name in places.order)
        for group in (DRAWN, REAL)
    ]
    assert f"{100 * spreads[0] / spreads[1]:.0f} % of their spread in this plane" in text
    hulls = result["hulls"].take(np.flatnonzero(result["hulls"]["false alarms"] == 0.1))
    names = ("as it is", "copies", "SMOTE, nearest")
    shares = ", ".join(f"{name} {100 * hulls[name][0]:.0f} %" for name in names)
    assert f"Found at 10 % false alarms: {shares}." in text


def test_a_run_of_tlc_shows_the_chain_of_experts_of_three_images():
    link = {"anomaly.TLC.seeds": "1", "anomaly.TLC.epochs": "1"}
    at = run_experiment(opened(TLC, **link))
    result = answer(TLC(seeds=1, epochs=1), ExperimentCase(data_sets.load("digits")))
    assert result.kept
    counts = result["chain"]["engaged"].reshape(3, 3).sum(1)
    names = result["examples"].columns
    engaged = ", ".join(f"{name} {count}" for name, count in zip(names, counts, strict=True))
    assert f"Experts engaged, of 3: {engaged}." in words(at)
    assert all(name in words(at) for name in names)
    assert len(at.main.get("plotly_chart")) == 3  # figures, what each expert says, what is left


def test_the_plane_says_where_lines_lead_and_where_there_are_none():
    columns = {name: ([0.0, 2.0, 1.0, 0.0, 4.0], "") for name in (FIRST, SECOND)}
    table = Table.of(columns, (SEGMENTS, SEGMENTS, DRAWN, REAL, REAL))
    rest, plane = table.take([2, 3, 4]), SmoteExperiment.drawings[0]
    ends = (
        "a line leads from each to each of its nearest.",
        "each pixel is drawn on its own, so that no lines lead to where images may lie.",
    )
    for points, end in zip((table, rest), ends, strict=True):
        drawn = exhibit(plane, {"projection": points})
        first = "2 real images, with the first seed, and 1 of SMOTE's, with 0 % of their spread in"
        second = "this plane. The plane is that in which the real ones differ most;"
        assert drawn.finding == f"{first} {second} {end}"
        traces = drawn.shape.figure(points).data
        assert {trace.name for trace in traces} == set(points.rows)
        assert [trace.name for trace in traces if trace.mode == "lines"] == [
            name for name in points.rows[:1] if name == SEGMENTS
        ]


@pytest.mark.parametrize(
    ("view", "questions"), [(WHERE_ODD, opening.where), (DOUBT, opening.doubt)]
)
def test_a_first_visit_is_answered_by_what_ships_without_computing(view, questions, monkeypatch):
    missing = [question[0].title for question in questions() if shipped_answer(question) is None]
    assert missing == [], "run: python -m engine gallery"
    computed = []
    monkeypatch.setattr(run, "compute", lambda _, method, *rest: computed.append(method.title))
    at = visit({}, view)
    assert len(at.main.header) >= len({type(method) for method, _ in questions()})
    assert computed == []
    assert not at.main.get("progress")
