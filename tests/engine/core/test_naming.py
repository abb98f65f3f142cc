"""A case is named by arguments, as its fields declare it, and names itself by them again."""

from dataclasses import dataclass

import pytest

from engine.core.case_base import Case
from engine.core.controls import Slider, Text, argument
from engine.core.errors import BadSetting, BlindspotError
from engine.core.naming import Unknown, case_field, named_by


def place(across, down, name):
    return f"{name} at {across}, {down}"


def sides(place):
    across, _, down = place.partition(" at ")[2].partition(", ")
    return {"across": int(across), "down": int(down)}


def length(name, arguments):
    return len(name) + arguments["across"]


def side(label):
    return argument(2, Slider(0, 9, 1), label, "Where.")


@dataclass(frozen=True, eq=False)
class Placed(Case):
    """Named in each way: by one argument, by two of another name, by none, and by what is lost."""

    case_name = "placed"
    what = "a place"

    name: str = named_by(str.upper, str.lower, called=argument("ab", Text(), "Name", "Any."))
    place: str = named_by(place, sides, across=side("Across"), down=side("Down"))
    length: int = named_by(length)
    count: int = named_by(default=3, count=argument(4, Slider(0, 9, 1), "Count", "How many."))
    file: str | None = named_by(
        write=lambda file, count: None if file is None and count else Unknown("say file=…"),
        default=None,
        file=argument(None, Text(off="none"), "File", "Whose."),
    )
    unnamed: bool = False


def test_fields_are_made_of_their_arguments_and_of_fields_before_them():
    case = Placed.from_arguments(called="abc", down=5)
    assert (case.name, case.place, case.length) == ("ABC", "ABC at 2, 5", 5)
    assert (case.count, case.file, case.unnamed) == (4, None, False)
    assert [*Placed.specs()] == ["called", "across", "down", "count", "file"]
    assert [spec.name for spec in Placed.specs().values()] == [*Placed.specs()]


def test_a_case_names_itself_again_and_says_what_it_does_not_know():
    case = Placed("ABC", "ABC at 2, 5", 5)
    again = {"called": "abc", "across": 2, "down": 5, "count": 3, "file": None}
    assert case.to_arguments() == again
    assert Placed.from_arguments(**again).fingerprint == case.fingerprint
    case = Placed("ABC", "ABC at 2, 5", 5, file="x")
    with pytest.raises(BlindspotError, match="say file=…"):
        case.to_arguments()
    assert case.to_arguments(file="y") == again | {"file": "y"}


def test_a_value_that_its_control_does_not_allow_is_refused_in_words():
    with pytest.raises(BadSetting, match="Down cannot be 12; choose from 0 to 9"):
        Placed.from_arguments(down=12)
    with pytest.raises(BadSetting, match="no argument 'dwon': there is called, across"):
        Placed.from_arguments(dwon=5)


def test_python_needs_what_has_no_default():
    with pytest.raises(TypeError, match="place"):
        Placed("ABC")


@dataclass(frozen=True, eq=False)
class Framed(Case):
    """A place inside another case."""

    case_name = "framed"
    what = "a place in a frame"

    inner: Placed = case_field(Placed, without=("down",))
    frame: str = named_by(default="", frame=argument("oak", Text(), "Frame", "Of what."))


def test_the_arguments_of_a_case_inside_join_those_of_the_outer_one():
    case = Framed.from_arguments(called="abc", across=4)
    assert (case.inner.place, case.inner.length, case.frame) == ("ABC at 4, 2", 7, "oak")
    assert [*Framed.specs()] == ["called", "across", "count", "file", "frame"]
    again = {"called": "abc", "across": 4, "count": 4, "file": None, "frame": "oak"}
    assert case.to_arguments() == again
    lost = Framed(Placed("A", "A at 1, 1", 1, file="x"))
    with pytest.raises(BlindspotError, match="say file=…"):
        lost.to_arguments()
