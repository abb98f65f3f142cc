"""What the Decoding view works out by itself: sentences, steps, the way back."""

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
from components.decoding.scenes import describing_strategies, lie_words, trade_words
from components.decoding.sinks import NAMES, merged_shares
from components.decoding.steps import STRONG, panels, shortly, weak_title, with_titles
from engine.core.result import Ranking, Scores, Table
from engine.evaluation.language.claims import claims
from engine.hallucination import VCD, Greedy, VASparse, asking
from engine.hallucination.decoding.best_words import below, best_words, cut_of
from engine.hallucination.measures.comparison import BACK, FIGURES, SAME, TRUST
from engine.hallucination.vasparse.attention_sinks import PLACES
from engine.hallucination.vasparse.strategy import EVERY
from engine.vision.data.layout import Scene
from tests.tiny import tokens

SHARES = (0.4, 0.2, 0.1, 0.1, 0.2)  # of attention, at each of PLACES
STREET = asking.scene("counter", 253)


def ranking(*steps: dict[str, float]) -> Ranking:
    labels = tuple(tuple(step) for step in steps)
    values = np.array([list(step.values()) for step in steps], np.float32)
    return Ranking(values, np.zeros(values.shape, np.int64), labels, "probability")


def spoken(method, words, scene: Scene | None = None, **views) -> DecodedAnswer:
    against = claims("is there a lamp", words, scene) if scene else None
    return DecodedAnswer(method, {"answer": tokens(*words), **views}, against)


def finding_of(*answers):
    return finding_words(SimpleNamespace(spoken=answers))


def figures(**values):
    arrays = {name: np.full(3, value, float) for name, value in values.items()}
    return {name: arrays.get(name, np.full(3, np.nan)) for name in FIGURES}


def compared(recall=np.nan, same=0.6, **instances):
    """What is said of the strategies beside Greedy, by what each made up in three draws."""
    shares = {"Greedy": 0.75, "VCD": recall, "VASparse": np.nan}
    values = {name: {"CHAIR_i": made_up, SAME: same} for name, made_up in instances.items()}
    return sentences({name: figures(**rest, recall=shares[name]) for name, rest in values.items()})


def trust(log, words, share, **more):
    return trust_words(figures(**dict(zip(TRUST, (log, words, share), strict=True)), **more))


def margins(clear, hidden, left):
    columns = {"clear": clear, "hidden": hidden, "contrasted": left}
    at_900 = {name: np.array([0.0, value]) for name, value in columns.items()}
    return margin_words(at_900 | {"step": np.array([0.0, 900.0])}, 880)


def curve(aware, top):
    ways = {"visual-aware": aware, "top-k": top, "random": top}
    columns = {"kept": ([0.1], "share")}
    for way, (low, middle, high) in ways.items():
        for name, value in (("CHAIR_i", middle), ("lowest", low), ("highest", high)):
            columns[f"{way}: {name}"] = ([value], "share")
        columns[f"{way}: recall"] = ([0.5], "share")
    return curve_words(Table.of(columns, rows=("10 %",)))


RATES = Table.of(
    {
        "CHAIR_i": ([0.2, np.nan, np.nan], "share"),
        "recall": ([0.7, 0.0, np.nan], "share"),
        "lie rate": ([0.25, 0.5, np.nan], "share"),
        "false yes": ([0.1, 0.2, 0.3], "share"),
    },
    ("Greedy", "OPERA", "MVP"),
)
LAMP = ["a", "car", "with", "a", "lamp"]


def test_sentences(snapshot):
    no_lamp = spoken(Greedy(), ["yes"], STREET), spoken(VASparse(), ["yes"], STREET)
    assert snapshot == {
        "those who say the same stand together": finding_of(
            *no_lamp, spoken(VCD(), ["no"], STREET)
        ),
        "nothing known of the scene": finding_of(spoken(Greedy(), ["yes"]), spoken(VCD(), [])),
        "captions": finding_of(spoken(Greedy(), LAMP, STREET), spoken(VCD(), ["a", "car"], STREET)),
        "neither": leaning_words(np.nan, np.nan),
        "near": leaning_words(0.396, 0.393),
        "far": leaning_words(0.408, 0.339),
        "bars": [shortly(value, cut_off=False) for value in (41.2, 0.3, 0.0, np.nan)],
        "bar cut off": shortly(41.2, cut_off=True),
        "habit": margins(0.5, 2.0, -1.0),
        "something seen": margins(1.8, 1.0, 2.6),
        "one moves less than the draws": compared(
            Greedy=(0.20, 0.22, 0.24), VCD=(0.10, 0.13, 0.13), VASparse=(0.22, 0.21, 0.25)
        ),
        "hardly finds anything": compared(0.03, 0, Greedy=0.2, VCD=(0.1, 0.2, 0.33)),
        "φ not felt": trust(-5.5, 4.0, 0.27),
        "φ felt": trust(1.0, 20.0, 0.05),
        "never went back": trust(-5.5, 4.0, 0.27, **{BACK: 0.0}),
        "went back": trust(-5.5, 4.0, 0.27, **{BACK: (3.0, 3.0, 3.6)}),
        "some captions name nothing": trade_words(RATES),
        "all captions name something": trade_words(RATES.take([0])),
        "lies": lie_words(RATES),
        "a gain": curve((0.1, 0.15, 0.2), (0.21, 0.25, 0.3)),
        "ranges meet": curve((0.1, 0.15, 0.21), (0.21, 0.25, 0.3)),
        "what is subtracted": [
            weak_title(spoken(VASparse(source=source), ["yes"]))
            for source in ("embedding", "masked cache")
        ],
    }
    assert describing_strategies(RATES).rows == ("Greedy",)


def test_a_word_below_the_cut_is_out_and_greedy_has_no_cut_and_no_second_panel():
    strong = ranking({"yes": 0.5, "no": 0.25, "the": 0.05, "lamp": 0.04})
    weak, final = ranking({"yes": 0.9, "no": 0.02}), ranking({"no": 0.8, "yes": 0.2})
    decoded = spoken(VCD(beta=0.1), ["no"], strong=strong, weak=weak, final=final)
    step = with_titles(decoded, best_words(decoded.answer, 0))
    cut = cut_of(decoded.method, decoded.answer, 0)
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
    best = ranking({"yes": 0.6, "no": 0.3, "a": 0.004, "b": 0.003})
    decoded = spoken(Greedy(), ["yes"], strong=best, final=best)
    step = with_titles(decoded, best_words(decoded.answer, 0))
    cut = cut_of(decoded.method, decoded.answer, 0)
    assert (step.order, cut) == (("The model", "Chosen from"), 0.0)
    assert not any(below(step[STRONG], cut))
    assert step.rows == ("yes", "no", "a")  # one faint word beside them, not two


def test_costs_are_read_by_their_names_and_bars_of_attention_hold_all_of_it():
    names = ("places looked at", "forward passes", "tokens read")
    cost = Scores(np.array([7.0, 1.0, 2.0]), names, "times")
    assert cost_of({"cost": cost}).tolist() == [1, 2, 7]
    places = {name: ([share], "share") for name, share in zip(PLACES, SHARES, strict=True)}
    drawn = merged_shares(Table.of(places, ("layer 1",)))
    assert sum(float(drawn[name][0]) for name in drawn.order) == pytest.approx(1.0)
    assert float(drawn["full stops"][0]) == pytest.approx(0.2)
    assert drawn.order == tuple(NAMES)


def thinned(**settings):
    method = VASparse(**settings)
    case = asking.about_scene("tiny-vlm-habit", STREET, "describe the image")
    return DecodedAnswer(method, method(case), None)


def test_words_that_a_layer_dropped_are_struck_through_and_by_default_there_are_none():
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
    decoded = thinned()
    (line,) = texts(decoded.answer["dropped"], decoded, len(decoded.tokens.words) - 1)
    assert line.endswith("no word was dropped.")


def test_no_chart_of_ask_or_decoding_has_a_color_of_its_own():
    for folder in (cause, memory):
        for path in Path(folder.__file__).parent.glob("*.py"):
            assert "CATEGORICAL" not in path.read_text(), path
