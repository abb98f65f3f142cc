"""The scoreboard, its sentences, and ranks of the ways on three sets."""

from dataclasses import replace

import numpy as np

from components.forget import board, ranks
from components.forget.seconds import machine_words
from components.forget.verdict import closest_method, short_verdict, verdict
from components.forget.words import row_label
from engine.core.result import Table
from engine.unlearning import forget_case, request
from engine.unlearning.protocol.scoreboard import ranking
from engine.unlearning.worst_forget.worst import HARDEST, RANDOM
from tests import tiny

NAMES = ("Retrain", "NoOp", "FT", "GA")


def table(informative):
    """A scoreboard in which one way is nearest with the attack and another without it."""
    shares = {
        "UA": [1.0, 0.0, 0.9, 0.8],
        "RA": [1.0, 1.0, 1.0, 1.0],
        "TA": [0.98, 0.98, 0.98, 0.98],
        "MIA": [1.0, 0.0, 0.0, 1.0],
        "gap": [0.0, 0.5, 0.275, 0.05],
        "gap sd": [float("nan")] * 4,
        "gap without MIA": [0.0, 0.33, 0.033, 0.067],
        "gap without MIA sd": [float("nan")] * 4,
        "attack accuracy": [0.6 if informative else 0.52] * 4,
        "share of retraining": [1.0, 0.0, 0.25, 0.02],
    }
    shares |= {f"{name} − retrained": [0.0] * 4 for name in ("UA", "RA", "TA", "MIA")}
    columns = {name: (values, "share") for name, values in shares.items()}
    columns |= {
        "attack images": ([1200.0] * 4, ""),
        "informative": ([float(informative)] * 4, ""),
        "seconds": ([2.2, 0.0, 0.4, 0.05], "s"),
    }
    return Table.of(columns, NAMES)


def test_ways_are_ranked_by_the_gap_that_counts_and_the_cost_is_in_passes():
    blind, seeing = table(informative=False), table(informative=True)
    assert (ranking(blind), ranking(seeing)) == ("gap without MIA", "gap")
    assert (closest_method(blind), closest_method(seeing)) == ("FT", "GA")
    assert board.row_order(blind) == ["Retrain", "FT", "GA", "NoOp"]
    assert board.row_order(seeing) == ["Retrain", "GA", "FT", "NoOp"]
    for html in (board.board(blind).html(), board.board(seeing).html()):
        assert all(gap in html for gap in ("27.5 points", "3.3 points"))  # FT's of four and three
    assert "25 % · 0.4 s" in board.board(blind).html()
    times = Table.of({"seconds": ([3.0, 0.0, 0.7, 0.1], "s")}, NAMES)
    assert "25 % · 0.7 s" in board.board(blind, times).html()
    assert "passes of images through the network" in board.board(blind).html()


def changed(shares):
    """A scoreboard with the attack, some of whose columns are others; the gap of FT is 27.5."""
    plain = table(informative=True)
    units = zip(plain.order, plain.units, strict=True)
    columns = {name: (plain[name], unit) for name, unit in units}
    return Table.of(columns | {name: (share, "share") for name, share in shares.items()}, NAMES)


def test_of_a_mode_what_stays_of_its_class_is_judged_apart():
    shares = {"mode still right": 0.25, "rest of the class": 0.75, "other classes": 0.93}
    columns = {name: [value] * 4 for name, value in shares.items()}
    columns |= {f"{name} − retrained": [-0.125] * 4 for name in shares}
    html = board.board(changed(columns)).html()
    for name, value in shares.items():
        assert name not in board.board(table(informative=False)).html()
        assert name in html
        assert f"{100 * value:.0f} %" in html
    assert "−12.5" in html


NAN = float("nan")
REST = {"rest of the class": [0.98, 0.99, 0.86, 0.95]}
NEAR = {"gap": [0, 0.01, 0.4, 1], "UA": [0.02, 0, 0.02, 0]}  # nothing done is near already
VERDICTS = {  # of FT, where these columns are others
    "as well": {"gap": [0, 0.5, 0.03, 1]},
    "nearly as well": {"gap": [0, 0.5, 0.1, 1]},
    "roughly": {},
    "at a cost that is not known": {"share of retraining": [1, 0, NAN, 0]},
    "failed": {"gap": [0, 0.5, NAN, 1]},
    "little to forget": {"gap": [0, 0.03, 0.03, 1], "UA": [0.1, 0, 0.05, 0]},
    "did not forget": {"UA": [1, 0, 0.85, 1]},
    "forgot too much": {"UA": [0.8, 0, 0.95, 1]},
    "damaged the rest": {"TA": [0.98, 0.98, 0.85, 1]},
    "no test images": {"TA": [NAN] * 4, "RA": [1, 1, 0.95, 1]},
    "took the rest of its class": REST,
    "no rest in the test": {"rest of the class": [NAN] * 4},
    "little to forget, but too much is": NEAR | {"UA": [0.02, 0, 0.9, 0]},
    "little to forget, and the rest is damaged": NEAR | {"TA": [0.98, 0.98, 0.2, 1]},
}


def test_sentences(snapshot):
    texts = {name: verdict(changed(columns), "FT", "mode 3") for name, columns in VERDICTS.items()}
    texts["by the gap without the attack"] = verdict(table(informative=False), "FT", "class 3")
    texts["kept the rest of its class"] = short_verdict(changed(REST), "GA", "mode 3")
    texts["attack is blind"] = board.finding(table(informative=False))
    texts["attack sees, with times"] = board.finding(table(informative=True), Table.of({}))
    columns = {"cores": ([2.0] * 2, ""), "seconds": ([10.0] * 2, "s")}
    columns["seconds with a core"] = [9.9, 3.0], "s"
    machines = Table.of(columns, ["Some CPU"] * 2)
    texts["machines"] = [machine_words(machines.take([row])) for row in (0, 1)]
    same = {name: boards()["random"] for name in GAPS}
    fallen = same | {"hard": boards()["hard"]}
    for name, sets in (("gains", boards()), ("no change", same), ("loses", fallen)):
        texts[f"ranks, {name}"] = ranks.ranks_finding({"gaps": ranks.gaps(sets)})
    assert texts == snapshot


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


def test_ways_stand_by_their_gap_at_random_and_the_attack_counts_where_it_says_something():
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
    settings = [(new_case.recipe, new_case.seed) for new_case in result.values()]
    assert settings == [(case.recipe, 3)] * len(ranks.SETS)
