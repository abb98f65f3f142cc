"""The scoreboard and the sentence: which gap ranks the ways, and what the cost is."""

from __future__ import annotations

from components.forget import board
from components.forget.seconds import machine_words
from components.forget.verdict import closest_method, short_verdict, verdict
from engine.result import Table
from engine.unlearning.protocol.scoreboard import ranking

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


def test_where_the_attack_says_nothing_ways_are_ranked_by_the_gap_without_it_and_both_are_shown():
    blind, seeing = table(informative=False), table(informative=True)
    assert (ranking(blind), ranking(seeing)) == ("gap without MIA", "gap")
    assert (closest_method(blind), closest_method(seeing)) == ("FT", "GA")
    assert board.row_order(blind) == ["Retrain", "FT", "GA", "NoOp"]
    assert board.row_order(seeing) == ["Retrain", "GA", "FT", "NoOp"]
    for board_table in (blind, seeing):
        html = board.board(board_table).html()
        assert "27.5 points" in html  # FT's gap of four
        assert "3.3 points" in html  # and of three
    assert "50 ± 5 % says nothing" in board.finding(blind)
    assert "order of the gap without it" in board.finding(blind)
    assert "order of their average gap" in board.finding(seeing)


def test_of_a_mode_what_stays_of_its_class_is_judged_apart():
    plain = table(informative=False)
    shares = {"mode still right": 0.25, "rest of the class": 0.75, "other classes": 0.93}
    columns = {
        name: (plain[name], unit) for name, unit in zip(plain.order, plain.units, strict=True)
    }
    for name, value in shares.items():
        columns |= {name: ([value] * 4, "share"), f"{name} − retrained": ([-0.125] * 4, "share")}
    html = board.board(Table.of(columns, NAMES)).html()
    for name, value in shares.items():
        assert name in html
        assert name not in board.board(plain).html()
        assert f"{100 * value:.0f} %" in html
    assert "−12.5" in html
    columns["rest of the class"] = ([0.98, 0.99, 0.86, 0.95], "share")
    judged = Table.of(columns, NAMES)
    took = "forgot mode 3 and took the rest of its class with it"
    assert took in short_verdict(judged, "FT", "mode 3")
    assert took not in short_verdict(judged, "GA", "mode 3")
    assert verdict(judged, "FT", "mode 3").endswith(
        "98 % of the test (98 %), 86 % of the rest of the class (98 %)."
    )
    columns["rest of the class"] = ([float("nan")] * 4, "share")
    assert verdict(Table.of(columns, NAMES), "FT", "mode 3").endswith(" of the test (98 %).")


def test_the_sentence_has_the_cost_in_passes_and_the_table_the_seconds_beside_it():
    board_table = table(informative=False)
    assert verdict(board_table, "FT", "class 3") == (
        f"{short_verdict(board_table, 'FT', 'class 3')}: it recognizes 10 % of those "
        "(retrained: 0 %) "
        "and 98 % "
        "of the test (98 %)."
    )
    assert short_verdict(board_table, "FT", "class 3").endswith("at 25 % of its cost")
    assert "25 % · 0.4 s" in board.board(board_table).html()
    times = Table.of({"seconds": ([3.0, 0.0, 0.7, 0.1], "s")}, NAMES)
    assert "25 % · 0.7 s" in board.board(board_table, times).html()
    assert "passes of images through the network" in board.board(board_table).html()


def test_the_time_says_on_which_machine_it_was_and_whether_that_was_quiet():
    def told(of_core):
        columns = {"cores": ([2.0], ""), "seconds": ([10.0], "s")}
        columns["seconds with a core"] = [10.0 * of_core], "s"
        return machine_words(Table.of(columns, ["Some CPU"]))

    assert told(0.99).startswith("Measured on Some CPU, 2 cores")
    assert "a core to themselves" in told(0.99)
    assert "30 % of a core, so their seconds are too long" in told(0.3)
