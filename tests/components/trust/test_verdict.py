"""What the trials of a map say, together and beside their curves."""

from math import nan

import numpy as np
import pytest

from components.trust.charts import order_drawing, shuffled_drawing
from components.trust.verdict import brief, cost_text, figures, headline, sign, summary, trial_line
from engine.core.result import Curve
from engine.evaluation.trust import TRUST, Order, OtherClass, Place, RandomWeights, Repeats, Shape
from engine.evaluation.trust.expensive import MaxSensitivity
from engine.evaluation.trust.verdict import not_available, verdict_table


def checked_trial(check, verdict, words="So it is.", **numbers):
    return check, verdict_table(check.title, verdict, words, **numbers)


def test_sentences(snapshot):
    little = "Little hangs on the image: its class is 16 % likely here, 10 % in an empty picture."
    order, doubted = checked_trial(Order(), 1.0), checked_trial(Order(), -0.5)
    unclear, another = checked_trial(Order(), 0.0), checked_trial(OtherClass(), 1.0)
    shuffled = checked_trial(RandomWeights(), -1.0)
    no_truth = (Place(), not_available(Place.title, "nobody knows where the truth is."))
    untried = [(Repeats(), None), (MaxSensitivity(), None)]
    described = checked_trial(Shape(), 0.0)
    assert snapshot == {
        "all kinds": summary([order, another, shuffled, described, no_truth, *untried]),
        "not tried": summary([(RandomWeights(), None)]),
        "not available": summary([(Order(), not_available(Order.title, "flat."))]),
        "only for it": summary([order]),
        "only passed": summary([another, unclear]),
        "only against it": summary([checked_trial(OtherClass(), -1.0), unclear]),
        "neither": summary([described, unclear]),
        "not confirmed": summary(
            [checked_trial(Order(), -0.5, little), another, checked_trial(Repeats(), 1.0)]
        ),
        "not confirmed, nothing for it": summary([doubted, checked_trial(OtherClass(), 0.0)]),
        "against it and not confirmed": summary([shuffled, doubted]),
        "line of a doubt": trial_line(*doubted),
        "line of what is not available": trial_line(*no_truth),
        "sign of a description": sign(*described),
        "little room": [brief(headline([trial])) for trial in (doubted, shuffled)],
        "little room, no sentence": brief("being tried …"),
        "maps": cost_text(4, 0, 2.0, None),
        "maps, past seconds": cost_text(4, 0, 2.0, 11.2),
        "one map": cost_text(1, 0, 0.2, None),
        "a second": cost_text(1, 0, 1.0, None),
        "maps without seconds": [cost_text(3, 0, seconds, None) for seconds in (None, nan)],
        "looks": cost_text(0, 65, 2.0, None),
        "looks, past seconds": cost_text(0, 65, 2.0, 0.4),
    }


@pytest.mark.parametrize(
    "kind", [kind for kind in TRUST if kind.judges], ids=lambda kind: kind.name
)
def test_only_the_order_and_a_known_truth_speak_for_a_map(kind):
    """A fixed map comes out alike again, and noise is another map for another class."""
    evident = kind in {Order, Place}
    sentence = summary([checked_trial(kind(), 1.0)])
    assert ("✓" in sentence) == evident
    assert ("may pass that too" in sentence) != evident
    assert sign(*checked_trial(kind(), 1.0)) == ("✓", "speaks for it" if evident else "passed")
    assert "✓" not in summary([checked_trial(kind(), 1.0), checked_trial(Order(), -0.5)])


def test_every_verdict_has_a_sign_and_every_judge_its_limits_and_figures_have_names():
    signs = [sign(*checked_trial(Order(), score)) for score in (1.0, 0.0, -0.5, -1.0, nan)]
    assert [len(set(column)) for column in zip(*signs, strict=True)] == [5, 5]
    for kind in TRUST:
        assert bool(kind.limits and kind.favor and kind.against) is kind.judges
    table = figures(checked_trial(RandomWeights(), 1.0, order=0.25, ssim=0.5)[1])
    assert table.order == ("order (Spearman)", "structure (SSIM)")
    assert table.values.tolist() == [[0.25, 0.5]]


def curve(*values: float) -> Curve:
    shares = np.linspace(0, 1, len(values), dtype=np.float32)
    return Curve(shares, np.array(values, np.float32), "share of the image", "likeness", "")


def test_how_alike_the_map_is_once_all_layers_are_shuffled_stands_at_the_end():
    """All curves begin at 1, with no layer shuffled."""
    drawing = shuffled_drawing({"order": curve(1, 0.6, 0.12), "ssim": curve(1, 0.7, 0.34)})
    assert "Once all are, the map's correlation with what it was is 0.12" in drawing.finding({})
    table = drawing.made({})
    assert table.units[0] == "share"
    assert [table[name][-1] for name in table.order] == pytest.approx([1, 0.12, 0.34])
    drawn = {trace.name: list(trace.y) for trace in drawing.chart.figure(table).data}
    assert drawn["order (Spearman)"][-1] == np.float32(0.12)


def test_what_a_small_map_has_no_figure_for_is_not_drawn():
    drawing = shuffled_drawing({"order": curve(1, 0.6, -0.2), "ssim": curve(1, np.nan, np.nan)})
    (line,) = drawing.chart.figure(drawing.made({})).data
    assert line.name == "order (Spearman)"
    assert "is −0.20 (1: the same" in drawing.finding({})


@pytest.mark.parametrize(("way", "told"), [("insertion", "Above"), ("deletion", "Below")])
def test_where_a_map_leaves_its_copies_is_counted_on_the_side_that_is_good(way, told):
    """At both ends all orders are alike."""
    low, high = curve(0, 0.2, 0.3, 0.4, 1), curve(0, 0.4, 0.6, 0.8, 1)
    middle = curve(0, 0.5, 0.7, 0.1, 1)  # twice above, once below
    drawing = order_drawing({way: middle, f"{way} low": low, f"{way} high": high}, way)
    count = 2 if way == "insertion" else 1
    assert drawing.finding({}).startswith(f"{told} all copies")
    assert f"at {count} of 3 steps" in drawing.finding({})
    low_end, high_end = drawing.chart.span
    assert low_end < 0
    assert high_end > 1
