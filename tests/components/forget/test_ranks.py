"""Ranks of the ways on three sets, from scoreboards whose numbers are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from components.forget import ranks
from components.forget.words import row_label
from engine.result import Table
from engine.unlearning import forget_case, request
from engine.unlearning.protocol.worst import HARDEST, RANDOM
from tests import tiny

WAYS = ("Retrain", "NoOp", "SalUn", "FT", "SSD")
GAPS = {
    "hard": (0, 0.3, 0.2, 0.05, np.nan),
    "random": (0, 0.2, 0.1, 0.15, 0.3),
    "easy": (0, 0.4, 0.1, 0.1, 0.05),
}


def boards(**said):
    """Scoreboards; `said` names the sets on which the attack says nothing."""
    return {
        name: Table.of(
            {
                "gap": (gap, "share"),
                "gap without MIA": (2 * np.array(gap), "share"),
                "informative": ([said.get(name, 1.0)] * len(WAYS), ""),
            },
            WAYS,
        )
        for name, gap in GAPS.items()
    }


def test_ways_stand_by_their_gap_at_random_and_ranks_are_counted_on_each_set():
    table = ranks.gaps(boards())
    assert table.rows == tuple(row_label(way) for way in ("NoOp", "SalUn", "FT", "SSD"))
    result = ranks.way_ranks(table)
    assert np.isnan(result[0]).all()
    np.testing.assert_array_equal(result[1:], [[2, 1, 2], [1, 2, 2], [np.nan, 3, 1]])
    squares = ranks.rank_matrix({"gaps": table})
    assert squares.texts[0] == ["30.0", "20.0", "40.0"]
    assert squares.texts[1] == ["20.0 (no. 2)", "10.0 (no. 1)", "10.0 (no. 2)"]
    assert squares.texts[3][0] == "failed"
    assert squares.figure(table).data[0].text[1][1] == "10.0 (no. 1)"


def test_the_sentence_names_the_nearest_and_the_way_that_moves_most():
    words = ranks.ranks_finding({"gaps": ranks.gaps(boards())})
    assert f"hard {row_label('FT')}, random {row_label('SalUn')}, easy {row_label('SSD')}" in words
    assert f"{row_label('SSD')} gains most: no. 3 on random images, no. 1 on easy ones" in words
    same = {name: boards()["random"] for name in GAPS}
    assert "No way changes its rank." in ranks.ranks_finding({"gaps": ranks.gaps(same)})
    fallen = same | {"hard": boards()["hard"]}
    assert "loses most: no. 1 on random images, no. 2 on hard ones" in ranks.ranks_finding(
        {"gaps": ranks.gaps(fallen)}
    )


def test_the_attack_counts_only_where_it_says_something_on_all_sets():
    assert ranks.column_of(boards()) == "gap"
    weak = boards(easy=0.0)
    assert ranks.column_of(weak) == "gap without MIA"
    assert ranks.gaps(weak)["hard"][1] == 0.4


def test_each_set_becomes_a_request_of_the_page_s_case():
    model = tiny.learned()
    data = tiny.columns(model.side, model.labels)
    ids = data.ids[data.rows("train")]
    case = replace(forget_case(model, data, request.at_random(data, 0.5)), seed=3)
    sets = {
        name: {"images": Table.of({"id": (set_ids, "")})}
        for name, set_ids in zip(ranks.SETS, (ids[:4], ids[4:8], ids[8:12]), strict=True)
    }
    result = ranks.cases(case, sets)
    assert list(result) == list(ranks.SETS.values())
    assert set(result["hard"].request.ids) == set(sets[HARDEST]["images"]["id"])
    assert result["hard"].request.kind == "worst"
    expected = request.at_random(data, seed=3, count=len(sets[RANDOM]["images"]["id"])).ids
    assert set(result["random"].request.ids) == set(expected)
    assert all(
        new_case.recipe == case.recipe and new_case.seed == 3 for new_case in result.values()
    )
