"""JSON and TOML from strangers: nothing larger or deeper than a person writes is taken.

A short text can ask for much: `[[[[…` for one call of a function a letter, and a key of 40,000
parts, a.a.a…, for gigabytes in Python's TOML parser. JSON is bounded by its length and its depth;
TOML is read in the limited reader process, too.
"""

import json
import re
import tomllib
from collections.abc import Iterable
from typing import Any

import numpy as np

from engine.core.errors import BadImage, BadSetting
from engine.vision.images.reader import send_request

DEEPEST = 16  # tables and lists inside each other
QUOTED = re.compile(r"""(["'])(?:(?!\1)[^\n])*+\1""")


def read_json(text: str | bytes, most: int, deepest: int = DEEPEST) -> Any:
    """What a JSON text says.

    Args:
        text: of a stranger.
        most: letters or bytes that it may have.
        deepest: tables and lists that may be inside each other.

    Raises:
        ValueError: it is no JSON, too long or nested too deeply; its message ends a sentence.
    """
    if len(text) > most:
        raise ValueError(f"it has more than {most:,} letters")
    try:
        parsed = json.loads(text)
    except RecursionError:
        raise ValueError(too_deep(deepest)) from None
    check_depth(parsed, deepest)
    return parsed


def read_toml(text: bytes, called: str, most: int, deepest: int = DEEPEST) -> dict[str, Any]:
    """What a TOML file says; dates are refused.

    Raises:
        BadSetting: it is no TOML, too long, or nested too deeply.
    """
    if len(text) > most:
        raise BadSetting(f"{called} has more than {most / 1e6:.0f} MB: that is no plan.")
    plain = QUOTED.sub("q", text.decode("utf-8", "replace"))
    if re.search(rf"(?<![\w-])(?:[\w-]++\s*+\.\s*+){{{deepest + 1}}}", plain):
        raise BadSetting(f"{called} cannot be read: {too_deep(deepest)}.")  # slow to parse
    request = {"ask": "toml", "deepest": deepest}
    try:
        reply, _ = send_request(
            called, request, [np.frombuffer(text, np.uint8)], advice="make it shorter"
        )
    except BadImage as error:
        raise BadSetting(str(error)) from None
    parsed: dict[str, Any] = reply["toml"]
    return parsed


def toml_in_reader(text: bytes, called: str, deepest: int) -> dict[str, Any]:
    """As `read_toml`, in the reader: what it says in plain values of JSON. Raises BadSetting."""
    try:
        parsed = tomllib.loads(text.decode("utf-8"))
        check_depth(parsed, deepest)
        json.dumps(parsed, default=no_date)
    except (RecursionError, MemoryError):
        raise BadSetting(f"{called} cannot be read: {too_deep(deepest)}.") from None
    except TooDeep as error:
        raise BadSetting(f"{called} cannot be read: {error}.") from None
    except ValueError as error:
        raise BadSetting(f"{called} is no TOML: {error}.") from None
    return parsed


def no_date(value: Any) -> None:
    """Raise ValueError for a value that JSON has not."""
    raise ValueError(f"{value} is a date or a time, which nothing here is: put it in quotes")


class TooDeep(ValueError):
    """A text with more tables and lists inside each other than may be."""


def check_depth(parsed: Any, deepest: int = DEEPEST) -> None:
    """Raise TooDeep for more tables and lists inside each other than that."""
    layer = [parsed]
    for _ in range(deepest + 1):
        layer = [inner for node in layer for inner in children(node)]
        if not layer:
            return
    raise TooDeep(too_deep(deepest))


def children(node: Any) -> Iterable[Any]:
    """What a table or a list has in it."""
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()


def too_deep(deepest: int) -> str:
    """The end of a sentence about a text that is nested too deeply."""
    return f"it has tables or lists more than {deepest} levels deep"
