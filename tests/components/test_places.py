"""Numbers from a link name a place, or none."""

from components.picks import below, is_place
from components.widgets.words import picked_from


def test_a_number_of_thousands_of_digits_names_no_place():
    assert is_place("10", 1, 10)
    assert below(10)("9")
    assert not is_place("1" * 5000, 1, 10)
    assert not below(10)("1" * 5000)
    assert picked_from("1" * 5000, 10, [3]) == (3,)
