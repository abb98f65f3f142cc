"""What contrast mends of a stubborn yes: counted pair by pair, beside the closed form."""

import numpy as np
import pytest

from engine.data.sprites import CATEGORIES
from engine.hallucination.decoding.greedy import Greedy
from engine.hallucination.measures.law import false_yes, log_odds
from engine.hallucination.measures.rates import ScenesCase
from engine.hallucination.measures.removal_law import ALPHAS, RemovalLaw, fit_distance, law_words
from engine.hallucination.measures.scene_ranges import UNSEEN
from engine.hallucination.tiny_vlm.sayings import PARTNER
from engine.hallucination.tiny_vlm.scenes import SceneBatch, margins
from engine.hallucination.tiny_vlm.weights import HABIT, load
from engine.result import Table

COUNT = 40


@pytest.fixture(scope="module")
def found():
    return RemovalLaw()(ScenesCase(load(HABIT), Greedy(), COUNT, "biased"))


def test_each_point_is_the_share_of_contrasted_answers(found):
    layout = SceneBatch.drawn(COUNT, "biased", seed=UNSEEN).layout
    clear, hidden = [], []
    for leader, follower in PARTNER.items():
        rows = np.flatnonzero(layout.present[:, leader] & layout.present[:, follower])
        if len(rows):
            batch = SceneBatch.of(layout.take(rows).without(CATEGORIES[follower]))
            clear += margins(load(HABIT), batch)[:, follower].tolist()
            hidden += margins(load(HABIT), batch, 900)[:, follower].tolist()
    clear, hidden = np.array(clear), np.array(hidden)
    assert found["margins"]["clear"] == pytest.approx(clear, abs=1e-4)
    assert found["fit"]["pairs"][0] == len(clear) > 10
    for alpha, measured, low, high in zip(
        ALPHAS, *(found["law"][name] for name in ("measured", "low", "high")), strict=True
    ):
        assert measured == pytest.approx(((1 + alpha) * clear > alpha * hidden).mean())
        assert low <= measured <= high


def test_the_law_goes_through_the_plain_rate_and_none_is_fitted_to_none(found):
    law, d = found["law"]["law"], found["fit"]["d"][0]
    assert law[0] == pytest.approx(found["law"]["measured"][0], abs=1e-6)
    assert (np.diff(law) < 0).all()
    assert law[3] == pytest.approx(false_yes(d, log_odds(0.9), 1.0))
    assert np.isnan(fit_distance(0.0, log_odds(0.9)))
    assert np.isnan(fit_distance(1.0, log_odds(0.9)))
    assert fit_distance(false_yes(2.0, 1.0), 1.0) == pytest.approx(2.0)


def table(measured, law, half=0.05):
    columns = {"α": [0.0, 1.0], "measured": measured, "law": law}
    columns |= {"low": np.array(measured) - half, "high": np.array(measured) + half}
    return Table.of({name: (column, "") for name, column in columns.items()}, ("α = 0", "α = 1"))


def test_whether_the_law_holds_is_said_in_words():
    fit = Table.of({"pairs": ([50], "pairs")})
    assert "as the law predicts" in law_words(table([0.3, 0.2], [0.3, 0.19]), fit)
    assert "so few pairs can tell" in law_words(table([0.3, 0.2], [0.3, 0.16]), fit)
    assert "does not hold here" in law_words(table([0.3, 0.3], [0.3, 0.16]), fit)
    assert "No law can be fitted" in law_words(table([0.0, 0.0], [np.nan] * 2), fit)
    assert "no partner can be taken out" in law_words(
        table([0.0, 0.0], [0.0, 0.0]), Table.of({"pairs": ([0], "pairs")})
    )
    case = ScenesCase(load(HABIT), Greedy(), 10, "counter")
    result = RemovalLaw()(case)
    assert result["fit"]["pairs"][0] == 0
    assert np.isnan(result["law"]["measured"]).all()
    assert "no partner" in RemovalLaw().finding(case, result)
