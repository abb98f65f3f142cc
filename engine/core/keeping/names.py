"""Names that a visitor gave are written as their places, and put back with the reader's own.

Class names, folder names and titles stand inside results: in a table's rows, in a model's card. In
the store's files each is a number between two marks, so that no file has a name, nor a checksum
that could be tried with one, and whoever asks the same question reads their own. A name is found as
whole words only: a class called "ran" is not in "random".
"""

import json
import re
from collections.abc import Callable, Sequence
from hashlib import blake2b
from secrets import token_bytes
from typing import Any

MARK = "\x1a"  # no text has it
LETTER = "[A-Za-z0-9]"  # that makes a longer word; the house's own words have no others
SHORTEST = 3  # bytes of a name that is hidden; a shorter one tells nothing, two Chinese letters do
SALT = token_bytes(16)  # of this process: nobody else can try names
PLACE = re.compile(f"{MARK}([0-9]+){MARK}")


def as_called(digest: str, names: Sequence[str]) -> str:
    """A question's name in memory: one for each way to call what it is about, never for a file."""
    if not names:
        return digest
    called = blake2b(repr(tuple(names)).encode("utf-8", "replace"), key=SALT, digest_size=8)
    return f"{digest}-{called.hexdigest()}"


def hidden(names: Sequence[str], text: str) -> str:
    """The text with each name's place in its stead."""
    # backwards, so that of equal forms the first keeps its place
    place = {form: at for at, form in reversed([*enumerate(forms(names))])}
    usable = (form for form in place if len(form.encode("utf-8", "replace")) >= SHORTEST)
    # alternation takes the first that fits, and a name may stand inside a longer one
    longest = sorted(usable, key=len, reverse=True)
    if not longest:
        return text
    whole = rf"(?<!{LETTER})(?:{'|'.join(map(re.escape, longest))})(?!{LETTER})"
    return re.sub(whole, lambda match: f"{MARK}{place[match[0]]}{MARK}", text)


def restore_names(names: Sequence[str], text: str) -> str:
    """The text with its names again. Raises LookupError where it was written with more of them."""
    originals = forms(names)
    return PLACE.sub(lambda match: originals[int(match[1])], text)


def forms(names: Sequence[str]) -> list[str]:
    """Each name as it is, and as it stands inside a text in JSON."""
    return [form for name in names for form in (name, json.dumps(name)[1:-1])]


def in_strings(value: Any, change: Callable[[str], str]) -> Any:
    """What JSON can say, with every string in it changed."""
    match value:
        case str():
            return change(value)
        case list() | tuple():
            return [in_strings(element, change) for element in value]
        case dict():
            return {change(key): in_strings(element, change) for key, element in value.items()}
        case _:
            return value
