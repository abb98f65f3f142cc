"""Whole numbers that a stranger wrote: in a link, a form, a command."""

MOST_DIGITS = 18  # any such number fits 64 bits, as ids are kept


def whole_number(text: str) -> int | None:
    """The number ≥ 0 that digits alone write; None for other text and for more than 18 digits.

    Python itself refuses to read more than 4,300 of them.
    """
    return int(text) if text.isdecimal() and len(text) <= MOST_DIGITS else None
