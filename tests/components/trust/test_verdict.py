"""What the trials of a map say together."""

from math import nan

import pytest

from components.trust.verdict import brief, cost_text, figures, headline, sign, summary, trial_line
from engine.attribution.trust import (
    TRUST,
    MaxSensitivity,
    Order,
    OtherClass,
    Place,
    RandomWeights,
    Repeats,
    Shape,
)
from engine.attribution.trust.verdict import not_available, verdict_table


def checked_trial(check, verdict, words="So it is.", **numbers):
    return check, verdict_table(check.title, verdict, words, **numbers)


def test_the_summary_counts_and_says_what_is_against_the_map():
    sentence = summary(
        [
            checked_trial(Order(), 1.0),
            checked_trial(OtherClass(), 1.0),
            checked_trial(RandomWeights(), -1.0),
            checked_trial(Shape(), 0.0),
            (Place(), not_available(Place.title, "no truth.")),
            (Repeats(), None),
            (MaxSensitivity(), None),
        ]
    )
    assert sentence == (
        "**✗ Against it: looks the same with random weights.** ✓ For it: its strong pixels carry "
        "the score; another class gives another map. 1 not available, 2 not tried yet."
    )


def test_a_map_that_nobody_tried_has_no_count_of_its_own():
    assert summary([(RandomWeights(), None)]) == "1 not tried yet."
    assert summary([(Order(), not_available(Order.title, "flat."))]) == "1 not available."


def test_what_is_only_for_a_map_or_only_against_it_is_said_so():
    assert summary([checked_trial(Order(), 1.0)]) == (
        "✓ For it: its strong pixels carry the score. Nothing against it."
    )
    assert summary([checked_trial(OtherClass(), 1.0), checked_trial(Order(), 0.0)]) == (
        "Passed: another class gives another map. A map that knows nothing may pass that too. "
        "1 neither way."
    )
    assert summary([checked_trial(OtherClass(), -1.0), checked_trial(Order(), 0.0)]) == (
        "**✗ Against it: looks the same for another class.** Nothing for it. 1 neither way."
    )


def test_a_map_that_is_not_confirmed_is_said_so_first_and_nothing_speaks_for_it():
    little = "Little hangs on the image: its class is 16 % likely here, 10 % in an empty picture."
    sentence = summary(
        [
            checked_trial(Order(), -0.5, little),
            checked_trial(OtherClass(), 1.0),
            checked_trial(Repeats(), 1.0),
        ]
    )
    assert sentence == (
        f"**⚠ Not confirmed. {little}** Passed: another class gives another map; comes out alike "
        "again."
    )
    assert summary([checked_trial(Order(), -0.5), checked_trial(OtherClass(), 0.0)]) == (
        "**⚠ Not confirmed. So it is.** Nothing for it. 1 neither way."
    )
    assert summary([checked_trial(RandomWeights(), -1.0), checked_trial(Order(), -0.5)]).startswith(
        "**✗ Against it: looks the same with random weights.** **⚠ Not confirmed. So it is.**"
    )
    assert trial_line(*checked_trial(Order(), -0.5)).startswith(
        "⚠ **not confirmed** · Do the strong pixels"
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ((Order(), -0.5), "⚠ Not confirmed."),
        ((RandomWeights(), -1.0), "✗ Against it: looks the same with random weights."),
    ],
)
def test_where_there_is_little_room_the_reasons_are_left_out(given, told):
    assert brief(headline([checked_trial(*given)])) == told
    assert brief("being tried …") == "being tried …"


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


def test_a_description_is_never_counted_as_a_verdict():
    assert summary([checked_trial(Shape(), 0.0), checked_trial(Order(), 0.0)]) == (
        "Nothing speaks for it or against it. 1 neither way."
    )
    assert sign(*checked_trial(Shape(), 0.0)) == ("·", "a description, no verdict")


@pytest.mark.parametrize("verdict", [1.0, 0.0, -0.5, -1.0, nan])
def test_every_verdict_has_a_sign_and_a_word_of_its_own(verdict):
    mark, word = sign(*checked_trial(Order(), verdict))
    others = [
        sign(*checked_trial(Order(), score))
        for score in (1.0, 0.0, -0.5, -1.0, nan)
        if score is not verdict
    ]
    assert mark not in {other_mark for other_mark, _ in others}
    assert word not in {other_word for _, other_word in others}


def test_every_trial_that_judges_says_its_limits_and_what_it_means():
    for kind in TRUST:
        assert bool(kind.limits and kind.favor and kind.against) is kind.judges


def test_what_is_not_available_is_not_said_twice():
    sentence = trial_line(Place(), not_available(Place.title, "nobody knows where the truth is."))
    assert sentence == (
        "– **not available** · Does it lie on the truth? Nobody knows where the truth is."
    )


def test_the_cost_is_predicted_by_past_runs_or_by_the_maps_it_makes():
    assert cost_text(4, 0, 2.0, None) == "4 more maps, about 8 s"
    assert cost_text(4, 0, 2.0, 11.2) == "4 more maps, about 11 s"
    assert cost_text(1, 0, 0.2, None) == "1 more map, under 1 s"
    assert cost_text(3, 0, None, None) == "3 more maps"
    assert cost_text(0, 65, 2.0, None) == "65 looks"
    assert cost_text(0, 65, 2.0, 0.4) == "65 looks, under 1 s"


def test_the_figures_leave_the_verdict_out_and_have_names():
    table = figures(checked_trial(RandomWeights(), 1.0, order=0.25, ssim=0.5)[1])
    assert table.order == ("order (Spearman)", "structure (SSIM)")
    assert table.values.tolist() == [[0.25, 0.5]]
