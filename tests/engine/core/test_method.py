"""Settings are declared once, bounded, and refused in words."""

from dataclasses import dataclass

import pytest

from engine.core.errors import BadSetting, DoesNotFit
from engine.core.method import Choice, Method, Slider, Switch, part_of, quiet, setting
from tests import tiny


@dataclass(frozen=True)
class Toy(Method):
    """A method that does nothing."""

    name, family, title, cost = "Toy", "test", "A toy", "live"
    needs = frozenset({"attention"})

    steps: int = setting(8, Slider(1, 64, 1, "px"), "Steps", "How many.")
    width: float | None = setting(0.1, Slider(0.01, 1.0, 0.01, log=True, off="none"), "Width", "W.")
    word: str = setting("a", Choice(("a", "b")), "Word", "Which.")
    turn: bool = setting(False, Switch(), "Turn", "Whether.")

    def __call__(self, case, progress=quiet):
        return {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("steps", wrong) for wrong in (0, 65, 8.0, True, None)),
        *(("width", wrong) for wrong in (0.001, float("nan"), "0.1")),
        *(("word", wrong) for wrong in ("c", None)),
        *(("turn", wrong) for wrong in (1, None)),
    ],
)
def test_what_is_out_of_range_is_refused_naming_the_setting_and_the_range(name, value):
    with pytest.raises(BadSetting) as caught:
        Toy(**{name: value})
    label = name.capitalize()
    assert f"A toy: {label} cannot be {value!r}" in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_what_is_in_range_is_taken_and_listed_as_changed_where_it_was_moved():
    for name, value in [("steps", 1), ("steps", 64), ("width", None), ("width", 1), ("word", "b")]:
        assert Toy(**{name: value}).settings()[name] == value
    changed = {spec.name: value for spec, value in Toy(steps=9, turn=True).changed()}
    assert changed == {"steps": 9, "turn": True}
    assert list(Toy().changed()) == []


def test_the_range_is_said_in_words():
    assert Slider(1, 64, 1, "px").words() == "from 1 to 64 px"
    assert Choice(("a", "b")).words() == "one of a, b"
    assert Choice(source="layers").words() == "one of the layers"


@pytest.mark.parametrize(
    ("ends", "marks"),
    [
        ((0.01, 1.0, 0.01), [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0]),
        ((0.02, 0.5, 0.01), [0.02, 0.05, 0.1, 0.2, 0.5]),
        ((0.02, 3.0, 0.01), [0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0]),
        ((0.3, 3.0, 0.1), [0.3, 0.5, 1.0, 2.0, 3.0]),
        ((1, 30, 1), [1, 2, 5, 10, 20, 30]),
        ((5, 100, 1), [5, 10, 20, 50, 100]),
    ],
)
def test_a_logarithmic_slider_has_the_usual_marks_and_allows_each(ends, marks):
    slider = Slider(*ends, log=True)
    assert slider.marks() == marks
    assert all(slider.allows(mark) for mark in slider.marks())  # whole numbers: 10 and not 10.0


def test_a_slider_counts_when_ends_and_step_are_whole_and_a_word_of_the_case_is_checked_there():
    assert Slider(1, 30, 1).whole
    assert not Slider(0, 1.0, 1).whole
    assert Slider(0, 1.0, 1).allows(0.5)
    layers = Choice(source="layers")
    assert layers.allows("conv1")
    assert not layers.allows(3)
    assert not layers.allows(None)
    assert Choice(source="layers", off="none").allows(None)
    assert not Choice(("a", "b")).allows("conv1")


def test_a_part_tells_its_share_of_the_whole_with_its_own_words_or_the_usual_ones():
    reports = []

    def report(done, words=""):
        reports.append((done, words))

    part, led = part_of(report, 0.2, 0.6), part_of(report, 0.2, 0.6, "training", "first")
    part(0.0)
    part(0.5, "half way", {"not": "handed on"})
    led(0.75)
    led(1.0, "done")
    shares, words = zip(*reports, strict=True)
    assert shares == pytest.approx([0.2, 0.4, 0.5, 0.6])
    assert words == ("looking at images", "half way", "first: training", "first: done")


def test_who_does_not_fit_is_told_why():
    assert "attention" in Toy.unmet(tiny.cnn_case())
    assert Toy.unmet(tiny.vit_case()) == ""
    with pytest.raises(DoesNotFit, match=r"A toy: it needs attention"):
        Toy().check(tiny.cnn_case())
    with pytest.raises(DoesNotFit, match="exact precision"):
        Toy().check(tiny.vit_case().at("fast"))
    assert Toy.full_name() == "test.Toy"
    assert Toy.about() == "A method that does nothing."
