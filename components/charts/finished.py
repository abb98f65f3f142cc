"""Figures that are built once: kept under what they are drawn of, and sent as they are.

Plotly checks each property that is set, 100,000 calls and more for a figure; a page that is drawn
again with the same answers would spend most of its time on that.
"""

import json
import pickle
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import plotly.graph_objects as go
import plotly.io
from plotly.basedatatypes import BaseFigure

from components.charts.style import inked
from engine.core.charts.style import INK, theme
from engine.core.keeping.memory import Memory

ROOM = 32 * 2**20  # bytes of all figures that are kept, for all visitors together
LEAST = 16 * 2**10  # bytes that each counts at least, so that there are at most 2048


class Finished(BaseFigure):  # type: ignore[misc]  # Plotly has no types
    """A figure as the browser gets it. Nothing of it can be changed or is checked again.

    Args:
        text: its JSON.
    """

    def __init__(self, text: str) -> None:
        self._text = text

    @property
    def size(self) -> int:
        return max(len(self._text), LEAST)

    def to_dict(self) -> dict[str, Any]:
        """What Streamlit sends; a new one each time, so that nobody spoils a shared figure."""
        spec: dict[str, Any] = json.loads(self._text)
        return spec


FINISHED_FIGURES: Memory[Finished] = Memory(ROOM, lambda figure: figure.size)


def finished_figure(make: Callable[..., go.Figure], *given: Any) -> Finished:
    """The figure that `make` draws of what is given, in the ink of the theme.

    Args:
        make: a function of a module, or a method of a chart. It may ask for the theme; all else
            that it draws must be given, since an earlier figure of the same is served again.
        given: plain values, views, or charts. Where one of them cannot be told from another, such
            as a lambda, the figure is built each time.
    """
    name = content_name(theme(), make, given)
    return (
        FINISHED_FIGURES.made(name, lambda: finished(make(*given)))
        if name
        else finished(make(*given))
    )


def finished(figure: go.Figure) -> Finished:
    if isinstance(figure, Finished):
        return figure
    return Finished(plotly.io.to_json(inked(figure.to_dict(), INK[theme()]), validate=False))


def content_name(*parts: Any) -> str:
    """A name that only equal parts share; "" for parts that have none."""
    try:
        return blake2b(pickle.dumps(parts), digest_size=20).hexdigest()
    except (pickle.PicklingError, AttributeError, TypeError):
        return ""
