"""What a map predicts of hiding squares, by hand, and the figures of the other trials."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from engine.attribution import CLime, Gradient, SmoothGrad
from engine.core.method import quiet
from engine.core.result import HeatMap, Table
from engine.evaluation.measures.fidelity import infidelity, missed
from engine.evaluation.measures.localization import Located
from engine.evaluation.trust import HiddenSquares, Infidelity, TrustCase
from engine.evaluation.trust.cheap import COPIES, Place
from engine.evaluation.trust.random_weights import layers, randomized, similarity
from engine.evaluation.trust.squares import boxes, sums
from engine.evaluation.trust.verdict import (
    BAD,
    GOOD,
    NOISE,
    UNCLEAR,
    graded_verdict,
    is_informative,
)
from engine.vision.models import embedded
from tests import tiny
from tests.engine.attribution.rates_table import IMAGES, table, written
from tests.engine.attribution.toys import toy


@pytest.fixture
def linear():
    case = tiny.linear_case()
    weight = case.model.network.weight.detach()
    return case, (weight * (case.image - case.baseline("mean"))).sum(0).numpy()


def sums_in(values, view):
    """What of a map lies in each of the squares."""
    squares = zip(*(view[name] for name in ("top", "left", "side")), strict=True)
    return np.array(
        [values[top : top + side, left : left + side].sum() for top, left, side in squares]
    )


def infidelity_check(case, values):
    return Infidelity()(TrustCase(case, toy(lambda _case: values)))["check"]


def test_a_score_falls_by_what_a_square_hid(linear):
    case, worth = linear
    result = HiddenSquares(squares=32)(case)
    view, score = result["squares"], case.model.logits(case.image[None])[0, case.target.index]
    assert result["whole"]["score"] == pytest.approx([float(score)])
    assert view["fell"] == pytest.approx(sums_in(worth, view), abs=1e-4)


def test_squares_lie_inside_and_are_of_many_sizes():
    drawn = boxes(256, 40, 60)
    assert (drawn[:, 0] + drawn[:, 2] <= 40).all()
    assert (drawn[:, 1] + drawn[:, 2] <= 60).all()
    assert set(drawn[:, 2]) == set(range(5, 14))
    assert [set(boxes(256, 3, side)[:, 2]) for side in (3, 9)] == [{1}, {1}]
    assert (drawn[:, 0] + drawn[:, 2] == 40).any()
    assert (drawn[:, 1] + drawn[:, 2] == 60).any()


def test_the_weights_of_a_linear_model_know_all(linear):
    case, worth = linear
    check = infidelity_check(case, worth)
    assert check["infidelity"][0] == pytest.approx(0, abs=1e-5)
    assert check["infidelity_moved"][0] > 0.5
    assert check["moves_as_good"][0] == 0
    assert check.notes[0].startswith("It predicts 100 % of what hiding squares does; moved ")
    assert infidelity_check(case, 50 * worth)["infidelity"][0] == pytest.approx(0, abs=1e-5)
    assert infidelity_check(case, -worth)["infidelity"][0] == 1  # the opposite direction


@pytest.fixture
def gray(linear):
    """A gray image: all channels take the same step when a pixel is hidden."""
    case, _ = linear
    return replace(case, image=case.image[:1].expand(3, -1, -1).contiguous())


@pytest.mark.parametrize("cover", ["black", "mean", "blur"])
@pytest.mark.parametrize(
    "method", [Gradient(), SmoothGrad(samples=5)], ids=lambda method: method.name
)
def test_the_slopes_of_a_linear_model_know_all_of_a_gray_image(gray, method, cover):
    """Slopes alone, not multiplied by what hiding takes away, miss a good part."""
    result = Infidelity(cover=cover)(TrustCase(gray, method))
    check, squares = result["check"], result["squares"]
    assert squares.units[squares.order.index("map")] == "logit"
    assert check["infidelity"][0] == pytest.approx(0, abs=1e-5)
    assert check["infidelity_moved"][0] > 0.5
    assert infidelity_check(gray, method(gray)["map"].values)["infidelity"][0] > 0.1


@pytest.mark.parametrize(
    ("method", "why"),
    [
        (Gradient(), "it is a slope whose channels were folded"),
        (Gradient(channels="size"), "its values are sizes of slopes"),
        (CLime(samples=50), "slopes, but not of single pixels"),
    ],
    ids=["folded", "sizes", "regions"],
)
def test_slopes_that_cannot_be_multiplied_predict_nothing_wrong(linear, method, why):
    check = Infidelity()(TrustCase(linear[0], method))["check"]
    assert np.isnan(check["verdict"][0])
    assert check.notes[0].startswith("Not available: ")
    assert why in check.notes[0]
    assert "infidelity" not in check.order


def test_a_square_holds_the_part_of_a_region_s_value_that_lies_in_it(linear):
    """Regions of 1, 5 and 10 rows, worth 1, 2 and 1 logit as a whole: two of the same worth."""
    case, _ = linear
    worth = np.repeat([1.0, 2.0, 1.0], [1, 5, 10])[:, None] * np.ones((1, 16))
    share = worth / np.repeat([1, 5, 10], [1, 5, 10])[:, None] / 16

    @dataclass(frozen=True)
    class Regions(type(toy(lambda _case: worth))):
        def __call__(self, case, progress=quiet):
            return {"map": HeatMap(worth.astype(np.float32), "logit per region", signed=True)}

    view = Infidelity()(TrustCase(case, Regions()))["squares"]
    expected = sums_in(share, HiddenSquares()(case)["squares"])
    assert view["map"] == pytest.approx(expected, abs=1e-6)
    assert view.units[view.order.index("map")] == "logit"


@pytest.mark.parametrize(
    ("score", "fell", "compared"),
    [
        (1000, 999, False),
        (-1000, 999, False),
        (-1000, 1001, True),
        (0.5, 0.9, False),
        (0.5, 2, True),
    ],
)
def test_falls_that_are_rounding_beside_the_score_are_not_compared(
    linear, score, fell, compared, monkeypatch
):
    columns = {"top": [0, 4], "left": [0, 4], "side": [2, 3], "fell": [0.0, -fell * NOISE]}
    made = {
        "squares": Table.of({name: (values, "") for name, values in columns.items()}),
        "whole": Table.of({"score": ([score], "")}),
    }
    monkeypatch.setattr("engine.evaluation.trust.infidelity.answer", lambda *_: made)
    assert ("infidelity" in infidelity_check(*linear).order) == compared


def test_a_map_of_chance_predicts_no_more_than_its_moves(linear):
    case, worth = linear
    drawn = [np.random.default_rng(seed).permutation(worth.ravel()) for seed in range(20)]
    checks = [infidelity_check(case, values.reshape(worth.shape)) for values in drawn]
    as_good = [check["moves_as_good"][0] for check in checks]
    assert 0.2 < np.mean(as_good) < 0.8


def test_it_is_the_infidelity_of_squares_removed(linear):
    """The share that is missed, times the mean square of the falls, is Yeh's scaled infidelity."""
    case, _ = linear
    slopes = torch.randn(case.image.shape, generator=tiny.seeded(5))
    slopes += case.model.network.weight.detach()
    view = HiddenSquares(squares=32)(case)["squares"]
    tops, lefts, sides = (view[name][:, None].astype(int) for name in ("top", "left", "side"))
    at = np.arange(16)
    rows, columns = (at >= tops) & (at < tops + sides), (at >= lefts) & (at < lefts + sides)
    is_hidden = torch.from_numpy(rows[:, None, :, None] & columns[:, None, None])
    changes = is_hidden * (case.image - case.baseline("mean"))
    predicted = (changes * slopes).flatten(1).sum(1).numpy().astype(np.float64)
    fell = view["fell"].astype(np.float64)
    plain = infidelity(case.score, case.image, slopes, changes, scaled=True)
    assert float(missed(predicted, fell)) * (fell**2).mean() == pytest.approx(plain, rel=1e-3)


def test_a_moved_map_is_summed_as_if_it_were_rolled():
    values = torch.randn(9, 13, generator=tiny.seeded(0)).numpy()
    drawn = boxes(16, 9, 13)
    moves = np.array([[0, 0], [3, 0], [0, 12], [8, 5]])
    squares = dict(zip(("top", "left", "side"), drawn.T, strict=True))
    slow = [sums_in(np.roll(values, move, (0, 1)), squares) for move in moves]
    assert sums(values, drawn, moves) == pytest.approx(np.array(slow), abs=1e-4)


def test_all_maps_share_the_looks_and_a_mask_is_part_of_the_question(linear):
    case, worth = linear
    case = replace(case, image=case.image.flip(2))
    passes = []
    case.model.network.register_forward_hook(lambda *_: passes.append(1))
    first = infidelity_check(case, worth)
    looks = len(passes)
    second = infidelity_check(case, np.flip(worth, 0))
    assert looks
    assert len(passes) == looks
    assert Infidelity(squares=50).looks == 51  # once for each square and once at the whole
    assert first["infidelity"][0] != second["infidelity"][0]
    mask = np.eye(case.image.shape[-1]) > 0
    cases = [TrustCase(case, Gradient(), chosen) for chosen in (None, mask, ~mask, mask.copy())]
    assert len({trust_case.fingerprint for trust_case in cases}) == 3


def test_a_score_that_never_moves_is_not_predicted():
    case = tiny.linear_case()
    with torch.no_grad():
        case.model.network.weight.zero_()
    check = infidelity_check(case, np.arange(case.image[0].numel(), dtype=np.float32))
    assert np.isnan(check["verdict"][0])
    assert "stays the same whichever square is hidden" in check.notes[0]


def test_similarity_compares_shapes_and_not_sizes():
    first, second = np.random.default_rng(0).normal(size=(2, 16, 16)).astype(np.float32)
    scaled = [np.abs(values) / np.abs(values).max() for values in (first, second)]
    by_hand = structural_similarity(*scaled, data_range=1.0)
    assert similarity(first, second) == pytest.approx(by_hand, abs=1e-6)
    assert similarity(50 * first, second / 50) == pytest.approx(by_hand, abs=1e-6)
    assert np.isfinite(similarity(first[:7], second[:7]))
    assert np.isnan(similarity(first[:6], second[:6]))  # narrower than what is compared at once
    flat = np.ones_like(first)
    assert np.isnan([similarity(first, flat), similarity(flat, first)]).all()


@pytest.mark.parametrize("stages", [1, 2, 3, 99])
def test_layers_are_shuffled_in_as_many_stages_as_asked_for(stages):
    model = embedded.load("digits-cnn")
    shares = [share for share, _ in randomized(model, stages, 0)]
    assert len(shares) == min(stages, len(layers(model)))
    assert shares == sorted(shares)
    assert shares[-1] == 1


@pytest.mark.parametrize(
    ("value", "low_is_good", "high_is_good"),
    [(0.3, GOOD, BAD), (0.5, BAD, GOOD), (0.4, UNCLEAR, UNCLEAR), (0.0, GOOD, BAD)],
)
def test_a_verdict_counts_its_limits_in(value, low_is_good, high_is_good):
    assert graded_verdict(value, good=0.3, bad=0.5) == low_is_good
    assert graded_verdict(value, good=0.5, bad=0.3) == high_is_good


@pytest.mark.parametrize("level", [1000.0, -1000.0, 0.001])
def test_a_map_says_something_where_it_spans_more_than_a_millionth_of_its_largest_size(level):
    values = level + abs(level) * np.array([0.0, 2.0, 1.0])
    assert is_informative(values)
    assert is_informative(level + (values - level) * 1e-6)
    assert not is_informative(level + (values - level) * 0.25e-6)


@pytest.mark.parametrize("as_good", [0, 1, COPIES])
def test_the_share_of_copies_that_do_as_well_is_kept(as_good):
    check = Place().judged(Located(1.0, 0.5, 0.7, 0.2), as_good)
    assert check.cell(check.rows[0], "copies_as_good") == pytest.approx(as_good / COPIES)


def test_the_sentence_says_how_much_of_the_falls_a_map_knows():
    rng = np.random.default_rng(0)
    fell, moved = rng.normal(size=40), rng.normal(size=(20, 40))
    half = fell + fell.std() * rng.normal(size=40)
    all_, some, none = (
        Infidelity().as_columns(own, moved, fell).notes[0] for own in (fell, half, -fell)
    )
    assert all_.startswith("It predicts 100 % of what")
    assert all_.endswith("of the moves do as well.")
    assert not some.startswith("It predicts nothing")
    assert none.startswith("It predicts nothing of what")


def test_the_page_s_error_rates_are_measured_and_every_one_on_digits_at_least():
    """If it fails: python -m tests.engine.attribution.rates_table."""
    assert written() == table()
    rows = [row.split(" | ") for row in table().splitlines()[2:]]
    assert len(rows) >= 13
    assert all("✓" in row[2 + IMAGES.index("MNIST")] for row in rows)
