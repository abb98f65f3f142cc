"""The section on late rewinding says and draws what its answer has."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from components.tickets import rewinding as section
from engine.lab import TrainCase
from engine.result import Field, Points, Table
from engine.run import answer
from engine.sparsity import Rewinding
from engine.sparsity.tickets import between
from engine.training import Recipe
from tests.engine.training.test_loop import striped
from tests.visits import problems, settled

RECIPE = Recipe("mlp", epochs=3, batch=8, rate=0.1)
POINTS = ("0 %", "1 %", "10 %", "100 %")
LINK = {"rewinding.points": "4", "rewinding.density": "0.2"}


def page() -> None:
    """What AppTest runs."""
    import streamlit as st

    from components.tickets import rewinding
    from engine.lab import TrainCase
    from tests.components.tickets import test_rewinding_section as here
    from tests.engine.training.test_loop import striped

    recipe = here.ONE_EPOCH if st.session_state.get("short") else here.RECIPE
    rewinding.show(TrainCase(striped(60), recipe, 31))


ONE_EPOCH = Recipe("mlp", epochs=1, batch=8)


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    """A plane of few nodes: each is an evaluation."""
    monkeypatch.setattr(between, "GRID", 4)


def visit(**session) -> AppTest:
    at = AppTest.from_function(page, default_timeout=120)
    at.query_params.update(LINK)
    for name, value in session.items():
        at.session_state[name] = value
    return at.run()


def press(at: AppTest) -> AppTest:
    next(button for button in at.button if button.label.startswith("Rewind tickets")).click().run()
    return settled(at)


def test_it_says_what_it_trains_and_then_what_came_of_it():
    at = visit()
    assert not at.exception
    assert not at.header
    before = next(
        caption.value for caption in at.caption if caption.value.startswith("A ticket keeps 20 %")
    )
    assert "about 30 trainings" in before  # 2 seeds of 1 + 4 + 2 × 5
    at = press(at)
    assert not problems(at)
    method, case = Rewinding(points=4, density=0.2), TrainCase(striped(60), RECIPE, 31)
    result = answer(method, case)
    assert at.header[0].value.replace("\\", "") == method.finding(case, result)
    assert len(at.get("plotly_chart")) == 5  # accuracy, distances, barrier, and two planes
    captions = " ".join(caption.value.replace("\\", "") for caption in at.caption)
    for drawing in section.EVIDENCE:
        if drawing.finding:
            assert drawing.finding(result) in captions
    assert section.gain(result) in captions


def test_one_epoch_is_refused_in_a_sentence():
    at = press(visit(short=True))
    assert any("choose 2 epochs or more" in words for words in problems(at))
    assert not at.exception


def test_the_usual_training_is_a_resnet_that_learns_fast_from_the_first_step_on():
    case = section.usual_case()
    assert (case.data.name, case.recipe.architecture) == ("digits", "resnet8")
    assert case.recipe.rate_at(0) == 0.1  # no warm-up
    assert not Rewinding.unmet(case)


@pytest.fixture
def found():
    """Figures by hand: the ticket rewound to 10 % is the best."""
    shares = {
        "dense": [0.95] * 4,
        "ticket": [0.8, 0.85, 0.91, 0.5],
        "random": [0.7] * 4,
        "rewound to": [0, 0.01, 0.1, 1],
        "barrier": [0.2, 0.03, 0.012, 0],
    }
    plain = {
        "pruning distance": [4, 3, 2, 0],
        "order distance": [6, 5, 1.5, 0],
        "pruning distance, random": [9, 8, 7, 0],
        "order distance, random": [9, 8, 6, 0],
        "pruning angle": [40, 30, 20, 0],
        "order angle": [60, 50, 15, 0],
    }
    for name in ("dense", "ticket", "random"):
        shares |= {
            f"{end} {name}": np.array(shares[name]) + by
            for end, by in (("lowest", -0.02), ("highest", 0.02))
        }
    columns = {name: (np.array(share, float), "share") for name, share in shares.items()}
    columns |= {name: (np.array(column, float), "") for name, column in plain.items()}
    ticks = [(0.5, 100, 50, 900), (0.9, 400, np.nan, np.nan), (0.98, *[np.nan] * 3)]
    rows = [f"{name} · {100 * tick[0]:.0f} %" for name in POINTS for tick in ticks]
    samples = Table.grid(
        np.array([*ticks, *ticks, (0.5, 100, 60, 960), (0.9, 400, 200, 1100), *ticks[2:], *ticks]),
        rows,
        ("accuracy", "dense", "ticket", "ticket and finding it"),
        ("share", "images", "images", "images"),
    )
    claims = Table.of(
        {
            "outcome": ([1, -1, 0], ""),
            "margin": ([0.1, -0.25, 0.0], ""),
            "tolerance": ([0.02, 0.01, np.nan], ""),
        },
        ("a", "b", "c"),
        ("x", "y", "z"),
    )
    ways = {
        f"{lead}{name}": Points(np.zeros((3, 2), np.float32), np.array(values), "", "", "nat")
        for lead, name, values in (("", "arms", [0.5, 2.5, 0.75]), ("", "way", [0.5, 1.25, 0.75]))
    }
    return {"rewinding": Table.of(columns, POINTS), "samples": samples, "claims": claims, **ways}


def test_its_sentences_are_about_the_best_late_ticket(found):
    assert section.best_ticket(found) == 2
    assert "ticket 80.0 % from the first weights, 91.0 % from 10 %" in section.gain(found)
    assert "just pruned (100 %): 50.0 %" in section.gain(found)
    words = section.stability(found)
    assert "ticket and dense network end 2.00 apart (20°), of a random mask 7.00" in words
    assert "two orders of images 1.50 apart (15°), of a random mask 6.00" in words
    assert "0 %: 20.0, 1 %: 3.0, 10 %: 1.2 (below 2: connected)" in section.risen(found)
    assert "2.50 at the rewound weights (0, 0), 0.50 and 0.75 at" in section.barrier_sentence(found)
    assert "at most 1.25 between" in section.barrier_sentence(found)


def test_the_images_are_those_of_the_best_late_ticket_and_of_what_was_reached(found):
    table = section.best_samples(found)
    assert table.rows == ("50 % right", "90 % right")
    words = section.images_needed(found)
    assert "To 90 % the dense network was shown 400 images, the ticket 200" in words
    assert "with finding it 1,100" in words


def test_the_picture_ends_before_the_trained_network_that_is_only_pruned(found):
    figure = section.ACCURACY.figure(section.trained_on(found["rewinding"]))
    ticket = next(trace for trace in figure.data if trace.name == "ticket")
    assert ticket.x.tolist() == list(POINTS[:3])
    assert ticket.y.tolist() == [80.0, 85.0, 91.0]
    assert ticket.error_y.array.tolist() == pytest.approx([2.0, 2.0, 2.0])
    assert list(section.lines(found).series) == list(POINTS[:3])


def test_both_planes_have_one_scale_and_the_line_is_seen_between_its_points(found):
    early, other_early = (
        Field(np.full((2, 2), v, np.float32), *[np.arange(2)] * 2, "", "", "") for v in (1, 3)
    )
    way = Points(np.arange(60, dtype=np.float32).reshape(30, 2), np.arange(30), "", "", "nat")
    views = {"plane": early, "late plane": other_early}
    views |= {f"{lead}{name}": way for lead in ("", "late ") for name in ("arms", "way")}
    shapes = section.ground(views), section.late_ground(views)
    assert [shape.span for shape in shapes] == [(1.0, 3.0)] * 2
    drawn = shapes[0].ways["between the tickets"]
    assert len(drawn.values) == section.LINE_POINTS
    assert (drawn.values[0], drawn.values[-1]) == (0, 29)
    assert drawn.places[:, 0].tolist() == (2 * drawn.values).tolist()


def test_a_claim_that_fails_is_listed_as_failed(found):
    lines = [section.claim_line(found["claims"], row) for row in range(3)]
    assert lines[0].startswith("- ✓ **a**: holds here")
    assert lines[1].startswith("- ✗ **b**: not so here")
    assert lines[1].endswith("margin −0.250 ± 0.010.")
    assert lines[2].startswith("- ? **c**: undecided here")
    assert lines[2].endswith("margin +0.000.")
