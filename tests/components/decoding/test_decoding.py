"""What the Decoding view works out by itself: sentences, steps, the way back."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from components.ask import cause
from components.decoding import memory
from components.decoding.answers import finding_words
from components.decoding.cost import cost_of
from components.decoding.form import DecodedAnswer
from components.decoding.leaning import leaning_words
from components.decoding.measured import sentences, trust_words
from components.decoding.memory import curve_words, texts
from components.decoding.noise import margin_words
from components.decoding.scenes import describing_strategies, trade_words
from components.decoding.sinks import NAMES, merged_shares
from components.decoding.steps import STRONG, panels, shortly, weak_title, with_titles
from engine.data.layout import Scene
from engine.hallucination import VCD, Greedy, VASparse, asking
from engine.hallucination.decoding.best_words import below, best_words, cut_of
from engine.hallucination.decoding.vasparse import EVERY
from engine.hallucination.measures.attention_sinks import PLACES
from engine.hallucination.measures.claims import claims
from engine.hallucination.measures.comparison import BACK, FIGURES, SAME, TRUST
from engine.hallucination.measures.over_trust import attention_threshold
from engine.result import Ranking, Scores, Table, Tokens

SHARES = (0.4, 0.2, 0.1, 0.1, 0.2)  # of attention, at each of PLACES
STREET = asking.scene("counter", 253)


def tokens(*said: str) -> Tokens:
    count = len(said)
    return Tokens(
        np.arange(count),
        np.ones(count, np.float32),
        np.zeros(count, np.float32),
        np.zeros((count, 0, 0, 0), np.float16),
        said,
        "is there a lamp",
        (8, 8),
        ended=True,
    )


def ranking(*steps: dict[str, float]) -> Ranking:
    labels = tuple(tuple(step) for step in steps)
    values = np.array([list(step.values()) for step in steps], np.float32)
    return Ranking(values, np.zeros(values.shape, np.int64), labels, "probability")


def spoken(method, words, scene: Scene | None = None, **views) -> DecodedAnswer:
    against = claims("is there a lamp", words, scene) if scene else None
    return DecodedAnswer(method, {"answer": tokens(*words), **views}, against)


# ---------------------------------------------------------------- what they say


def test_strategies_that_say_the_same_stand_together_and_the_truth_is_told():
    result = SimpleNamespace(
        spoken=(
            spoken(Greedy(), ["yes"], STREET),
            spoken(VASparse(), ["yes"], STREET),
            spoken(VCD(), ["no"], STREET),
        )
    )
    assert finding_words(result) == (
        "Greedy and VASparse say “yes”; VCD says “no”. There is no lamp in this scene."
    )


def test_of_a_caption_it_is_told_what_each_makes_up():
    result = SimpleNamespace(
        spoken=(
            spoken(Greedy(), ["a", "car", "with", "a", "lamp"], STREET),
            spoken(VCD(), ["a", "car"], STREET),
        )
    )
    assert finding_words(result) == "Greedy makes up a lamp; VCD makes up nothing."


# ---------------------------------------------------------------- yes against no


def test_shares_so_near_each_other_are_told_with_a_digit():
    assert leaning_words(np.nan, np.nan) == "neither yes nor no"
    assert leaning_words(0.396, 0.393) == "yes 39.6 %, no 39.3 %"
    assert leaning_words(0.408, 0.339) == "yes 41 %, no 34 %"


# ---------------------------------------------------------------- steps


def test_a_word_below_the_cut_is_out_and_one_on_it_stays():
    strong = ranking({"yes": 0.5, "no": 0.25, "the": 0.05, "lamp": 0.04})
    weak, final = ranking({"yes": 0.9, "no": 0.02}), ranking({"no": 0.8, "yes": 0.2})
    decoded = spoken(VCD(beta=0.1), ["no"], strong=strong, weak=weak, final=final)
    step, cut = (
        with_titles(decoded, best_words(decoded.answer, 0)),
        cut_of(decoded.method, decoded.answer, 0),
    )
    assert step.rows[0] == "no"
    assert step.order == ("The model", "Looking at the noised copy", "Chosen from")
    assert step.values[0].tolist() == pytest.approx([25, 2, 80])
    assert cut == pytest.approx(5)
    out = dict(zip(step.rows, below(step[STRONG], cut), strict=True))
    assert out == {"no": False, "yes": False, "the": False, "lamp": True}
    at = step.rows.index("lamp")
    assert np.isnan(step.values[at, 1:]).all()
    assert panels(step, cut).texts["Chosen from"][at] == "cut off"
    assert panels(step, cut).lines == {"The model": cut}


def test_greedy_has_no_cut_and_no_second_panel():
    best = ranking({"yes": 0.6, "no": 0.3, "a": 0.004, "b": 0.003})
    decoded = spoken(Greedy(), ["yes"], strong=best, final=best)
    step, cut = (
        with_titles(decoded, best_words(decoded.answer, 0)),
        cut_of(decoded.method, decoded.answer, 0),
    )
    assert (step.order, cut) == (("The model", "Chosen from"), 0.0)
    assert not any(below(step[STRONG], cut))
    assert step.rows == ("yes", "no", "a")  # one faint word beside them, not two


def test_numbers_of_a_bar():
    assert [shortly(value, cut_off=False) for value in (41.2, 0.3, 0.0, np.nan)] == [
        "41",
        "&lt;1",
        "0",
        "–",
    ]
    assert shortly(41.2, cut_off=True) == "cut off"


# ---------------------------------------------------------------- inside and cost


def test_costs_are_read_by_their_names():
    cost = Scores(
        np.array([7.0, 1.0, 2.0]), ("places looked at", "forward passes", "tokens read"), "times"
    )
    assert cost_of({"cost": cost}).tolist() == [1, 2, 7]


@pytest.mark.parametrize(
    ("clear", "hidden", "left", "sense"),
    [(0.5, 2.0, -1.0, "that much is habit"), (1.8, 1.0, 2.6, "Contrasting cannot mend that")],
)
def test_a_belief_that_fades_with_the_image_cannot_be_mended(clear, hidden, left, sense):
    curves = {
        "step": np.array([0.0, 900.0]),
        "clear": np.array([clear, clear]),
        "hidden": np.array([clear, hidden]),
        "contrasted": np.array([clear, left]),
    }
    words = margin_words(curves, 880)
    assert words.startswith("At t = 900 ")
    assert sense in words
    assert f"VCD says {'yes' if left > 0 else 'no'}" in words


# ---------------------------------------------------------------- memory, comparison, colors


def thinned(**settings):
    method = VASparse(**settings)
    case = asking.about_scene("tiny-vlm-habit", STREET, "describe the image")
    return DecodedAnswer(method, method(case), None)


def test_words_that_a_layer_dropped_are_struck_through():
    decoded = thinned(compete=EVERY, source="masked cache")
    place = 4
    lost = decoded.answer["dropped"]
    lines = texts(lost, decoded, place)
    read = 1 + 3 + place  # the beginning, the prompt, the answer so far
    assert len(lines) == 3
    for layer, line in zip(lost.order, lines, strict=True):
        gone = lost[layer][:read] <= place + 1
        assert f"{int(gone.sum())} of {read} dropped" in line
        assert line.count("~~") == 2 * int(gone.sum())
    assert any("~~the beginning~~" in line for line in lines)


def test_by_default_no_word_is_dropped_and_that_is_said():
    decoded = thinned()
    (line,) = texts(decoded.answer["dropped"], decoded, len(decoded.tokens.words) - 1)
    assert line.endswith("no word was dropped.")


def test_what_is_subtracted_is_called_by_what_it_is():
    assert weak_title(spoken(VASparse(), ["yes"])) == "The last word alone"
    masked = spoken(VASparse(source="masked cache"), ["yes"])
    assert weak_title(masked) == "With image tokens blotted out"


def figures(**values):
    arrays = {name: np.array([value] * 3, float) for name, value in values.items()}
    return {name: arrays.get(name, np.full(3, np.nan)) for name in FIGURES}


def test_a_strategy_that_moves_less_than_the_draws_is_said_to():
    def rated(*instance):
        return figures(**{SAME: 0.6}) | {"CHAIR_i": np.array(instance)}

    strategies = {
        "Greedy": rated(0.20, 0.22, 0.24),
        "VCD": rated(0.10, 0.13, 0.13),
        "VASparse": rated(0.22, 0.21, 0.25),
    }
    (line,) = sentences(strategies)
    assert line.startswith("VASparse makes up as much as Greedy")
    assert "by +0.7 ± 1.5 points; 60 % of the captions" in line


def test_whether_operas_penalty_is_felt_comes_from_its_figures():
    quiet = figures(**dict(zip(TRUST, (-5.5, 4.0, 0.27), strict=True)))
    assert "e^−5.5" in trust_words(quiet)
    assert "it is not felt" in trust_words(quiet)
    assert "more than there is" in trust_words(quiet)
    loud = figures(**dict(zip(TRUST, (1.0, 20.0, 0.05), strict=True)))
    assert "it is felt" in trust_words(loud)
    assert f"{100 * attention_threshold(20, 50):.0f} % from each" in trust_words(loud)


def test_going_back_is_told_as_a_reason_only_where_it_was_counted():
    trust = figures(**dict(zip(TRUST, (-5.5, 4.0, 0.27), strict=True)))
    assert "back" not in trust_words(trust)
    assert "back" not in trust_words(trust | {BACK: np.zeros(3)})
    went = trust_words(trust | {BACK: np.array([3.0, 3.0, 3.6])})
    assert "It goes back 3.2 times in a caption" in went
    assert "differ from beam search's by what going back rejects, the reward" in went


def test_a_strategy_that_hardly_finds_anything_is_not_said_to_be_as_good():
    def rated(recall, *instance):
        return figures(**{SAME: 0.0, "recall": recall}) | {"CHAIR_i": np.array(instance)}

    strategies = {"Greedy": rated(0.75, 0.2, 0.2, 0.2), "VCD": rated(0.03, 0.1, 0.2, 0.3)}
    (line,) = sentences(strategies)
    assert "points. But it finds 3 % of the things, Greedy 75 %. 0 % of the captions" in line


def test_captions_that_name_nothing_are_left_out_of_the_chart_and_named():
    rates = Table.of(
        {"CHAIR_i": ([0.2, np.nan, np.nan], "share"), "recall": ([0.7, 0.0, np.nan], "share")},
        ("Greedy", "OPERA", "MVP"),
    )
    assert describing_strategies(rates).rows == ("Greedy",)
    sentence = trade_words(rates)
    assert "Least is made up by Greedy: 20.0 %" in sentence
    assert "Not drawn: OPERA, with captions that name no thing at all." in sentence
    assert sentence.endswith("it has no captions to count.")
    assert "MVP answers" not in trade_words(rates.take([0, 1]))


def test_bars_of_attention_hold_all_of_it():
    places = {name: ([share], "share") for name, share in zip(PLACES, SHARES, strict=True)}
    drawn = merged_shares(Table.of(places, ("layer 1",)))
    assert sum(float(drawn[name][0]) for name in drawn.order) == pytest.approx(1.0)
    assert float(drawn["full stops"][0]) == pytest.approx(0.2)
    assert drawn.order == tuple(NAMES)


def curve(aware, top):
    ways = {"visual-aware": aware, "top-k": top, "random": top}
    columns = {"kept": ([0.1], "share")}
    for way, (low, middle, high) in ways.items():
        for name, value in (("CHAIR_i", middle), ("lowest", low), ("highest", high)):
            columns[f"{way}: {name}"] = ([value], "share")
        columns[f"{way}: recall"] = ([0.5], "share")
    return Table.of(columns, rows=("10 %",))


def test_a_gain_of_the_visual_aware_choice_is_claimed_only_where_ranges_are_apart():
    sentence = curve_words(curve((0.1, 0.15, 0.2), (0.21, 0.25, 0.3)))
    assert "makes up less than top-k at 10 % and than random at 10 %." in sentence
    assert "show no gain" in curve_words(curve((0.1, 0.15, 0.22), (0.21, 0.25, 0.3)))


def test_no_chart_of_ask_or_decoding_has_a_color_of_its_own():
    for folder in (cause, memory):
        for path in Path(folder.__file__).parent.glob("*.py"):
            assert "CATEGORICAL" not in path.read_text(), path
