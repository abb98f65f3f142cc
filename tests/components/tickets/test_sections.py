"""The sections on BiP and late rewinding say and draw what their answers have."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from components.tickets import bip
from components.tickets import rewinding as section
from engine.core.result import Field, Points, Table
from engine.core.run import answer
from engine.sparsity import BiP, Rewinding
from engine.vision.lab import TrainCase
from engine.vision.training import Recipe
from tests.components.pages import page_of
from tests.engine.sparsity.bip.test_bip import RECIPE as BIP_RECIPE
from tests.engine.vision.training.test_loop import striped
from tests.visits import problems, settled

RECIPE = Recipe("mlp", epochs=3, batch=8, rate=0.1)
POINTS = ("0 %", "1 %", "10 %", "100 %")
LINK = {"rewinding.points": "4", "rewinding.density": "0.2"}


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    """A plane of few nodes: each is an evaluation."""
    monkeypatch.setattr(Rewinding, "nodes", 4)


def visit(recipe) -> AppTest:
    return page_of(section.show, TrainCase(striped(60), recipe, 31), link=LINK)


def press(at: AppTest) -> AppTest:
    next(button for button in at.button if button.label.startswith("Rewind tickets")).click().run()
    return settled(at)


def test_it_says_what_it_trains_and_then_what_came_of_it():
    at = visit(RECIPE)
    assert not at.header
    captions = [caption.value for caption in at.caption]
    (before,) = (text for text in captions if text.startswith("A ticket keeps 20 %"))
    assert "about 30 trainings" in before  # 2 seeds of 1 + 4 + 2 × 5
    at = press(at)
    assert not problems(at)
    method, case = Rewinding(points=4, density=0.2), TrainCase(striped(60), RECIPE, 31)
    result = answer(method, case)
    assert at.header[0].value.replace("\\", "") == method.finding(case, result)
    assert len(at.get("plotly_chart")) == 5  # accuracy, distances, barrier, and two planes
    captions = " ".join(caption.value.replace("\\", "") for caption in at.caption)
    findings = [drawing.finding for drawing in section.EVIDENCE if drawing.finding]
    assert all(finding(result) in captions for finding in findings)
    assert section.gain(result) in captions


def test_one_epoch_is_refused_in_a_sentence():
    at = press(visit(Recipe("mlp", epochs=1, batch=8)))
    assert any("choose 2 epochs or more" in words for words in problems(at))


def test_the_usual_training_is_a_resnet_that_learns_fast_from_the_first_step_on():
    case = section.usual_case()
    assert (case.data.name, case.recipe.architecture) == ("digits", "resnet8")
    assert case.recipe.rate_at(0) == 0.1  # no warm-up
    assert not Rewinding.unmet(case)


@pytest.fixture
def result():
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
        for end, by in (("lowest", -0.02), ("highest", 0.02)):
            shares[f"{end} {name}"] = np.array(shares[name]) + by
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
    claims = {"outcome": [1, -1, 0], "margin": [0.1, -0.25, 0], "tolerance": [0.02, 0.01, np.nan]}
    claims = Table.of({name: (row, "") for name, row in claims.items()}, tuple("abc"), tuple("xyz"))
    ways = {
        f"{lead}{name}": Points(np.zeros((3, 2), np.float32), np.array(values), "", "", "nat")
        for lead, name, values in (("", "arms", [0.5, 2.5, 0.75]), ("", "way", [0.5, 1.25, 0.75]))
    }
    return {"rewinding": Table.of(columns, POINTS), "samples": samples, "claims": claims, **ways}


def test_sentences_are_about_the_best_late_ticket(result, snapshot):
    assert section.best_ticket(result) == 2
    assert section.best_samples(result).rows == ("50 % right", "90 % right")  # what was reached
    names = ("gain", "stability", "risen", "barrier_sentence", "images_needed")
    texts = {name: getattr(section, name)(result) for name in names}
    texts["claims"] = [section.claim_line(result["claims"], row) for row in range(3)]
    traded = {"BiP, steps": (LEVELS, "steps"), "BiP, seconds": (LEVELS, "seconds")}
    traded["BiP, no IMP"] = ((), "steps")
    for name, (levels, price) in traded.items():
        texts[name] = bip.priced({"figures": figures(*levels)}, price)
    for rows in ([0], [0, 1]):  # an answer that grows
        texts[f"BiP, {len(rows)} of 3"] = bip.priced({"figures": figures().take(rows)}, "steps")
    assert texts == snapshot


def test_the_picture_ends_before_the_trained_network_and_both_planes_have_one_scale(result):
    figure = section.ACCURACY.figure(section.trained_on(result["rewinding"]))
    ticket = next(trace for trace in figure.data if trace.name == "ticket")
    assert ticket.x.tolist() == list(POINTS[:3])
    assert ticket.y.tolist() == [80.0, 85.0, 91.0]
    assert ticket.error_y.array.tolist() == pytest.approx([2.0, 2.0, 2.0])
    assert list(section.lines(result).series) == list(POINTS[:3])
    grounds = [np.full((2, 2), level, np.float32) for level in (1, 3)]
    early, late = (Field(ground, *[np.arange(2)] * 2, "", "", "") for ground in grounds)
    way = Points(np.arange(60, dtype=np.float32).reshape(30, 2), np.arange(30), "", "", "nat")
    views = {"plane": early, "late plane": late}
    views |= {f"{lead}{name}": way for lead in ("", "late ") for name in ("arms", "way")}
    shapes = section.ground(views), section.late_ground(views)
    assert [shape.span for shape in shapes] == [(1.0, 3.0)] * 2
    drawn = shapes[0].ways["between the tickets"]
    assert len(drawn.values) == section.LINE_POINTS
    assert (drawn.values[0], drawn.values[-1]) == (0, 29)
    assert drawn.places[:, 0].tolist() == (2 * drawn.values).tolist()


def figures(*levels):
    shared = [0.97, 1, 30, 0, 0], [0.96, 0.05, 40, 300, 7], [0.95, 0.05, 50, 300, 6]
    values = np.array([*shared, *levels])
    rows = ("dense", "BiP", "one-shot magnitude", "IMP, level 1", "IMP, level 2")
    names = ("right", "kept", "epochs", "steps", "seconds")
    units = ("share", "share", "", "", "s")
    return Table.grid(values, rows[: len(values)], names, units)


LEVELS = [0.98, 0.5, 10, 150, 3.0], [0.94, 0.05, 10, 1500, 6.5]


@pytest.mark.parametrize(("price", "ends"), [("steps", (150, 1500)), ("seconds", (3.0, 6.5))])
def test_each_network_is_a_point_at_its_price_and_imp_is_one_group(price, ends):
    dense, once, learned, imp = bip.trade(price).figure(bip.grouped(figures(*LEVELS))).data
    assert [trace.name for trace in (dense, once, learned, imp)] == list(bip.GROUPS)
    assert [*dense.y, *once.y, *learned.y] == pytest.approx([97, 95, 96])
    assert imp.x == pytest.approx(ends)
    assert imp.y == pytest.approx([98, 94])


def test_the_section_asks_when_it_is_told_and_says_what_the_answer_says():
    case, method = TrainCase(striped(), BIP_RECIPE, seed=4), BiP(kept=0.2, epochs=2, levels=2)
    settings = {"kept": "0.2", "epochs": "2", "levels": "2"}
    at = page_of(bip.show, case, link={f"{bip.SLOT}.{name}": v for name, v in settings.items()})
    assert "cut to 20 % of its weights" in " ".join(caption.value for caption in at.caption)
    next(button for button in at.button if button.label.startswith("Learn the mask")).click().run()
    settled(at)
    assert not problems(at)
    result = answer(method, case)
    assert at.header[0].value == method.finding(case, result)
    words = " ".join(caption.value for caption in at.caption).replace("\\", "")
    assert bip.priced(result, "steps") in words
    assert bip.settled(result) in words
    assert bip.overlap_sentence(result) in words
    assert len(at.get("plotly_chart")) == 3
    shared = result["overlap"]["IoU"]
    assert f"one-shot magnitude {100 * shared[0]:.0f} % (chance" in bip.overlap_sentence(result)
