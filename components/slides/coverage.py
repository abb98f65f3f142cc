"""How many key tiles lie among the strongest of their bag, as more of them are looked at."""

import numpy as np
from numpy.typing import NDArray

from components.slides.form import ShownBag
from engine.attribution.mhim.methods import ABMIL, STUDENT, TEACHER
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines
from engine.core.result import Table

NAMES = {ABMIL: "plain attention (ABMIL)", TEACHER: "teacher", STUDENT: "student"}
LOOKED, MOST = "tiles looked at", 0.9


def coverage(question: ShownBag) -> Drawing:
    size = question.layout.size

    def part(tiles: Table) -> Table:
        key = np.asarray(tiles["key"], bool).reshape(-1, size)
        columns = {name: (recall_at(tiles, name, key), "share") for name in NAMES}
        return Table.of({LOOKED: (np.arange(1, size + 1), "tiles"), **columns})

    def words(result: Views) -> str:
        if not np.asarray(result["tiles"]["key"], bool).any():
            return "No key tile is known here."
        table: Table = part(result["tiles"])
        tiles_needed = {
            name: int(np.argmax(np.asarray(table[name]) >= MOST)) + 1 for name in (ABMIL, STUDENT)
        }
        return (
            f"To have seen nine of ten key tiles, one looks at {tiles_needed[STUDENT]} of {size} "
            f"tiles by the student, at {tiles_needed[ABMIL]} by plain attention."
        )

    chart = Lines(
        x=LOOKED,
        series=NAMES,
        title="key tiles among them (%)",
        x_title="strongest tiles looked at, of each bag",
    )
    return Drawing("tiles", "How far down the key tiles lie", chart, words, part=part, wide=True)


def recall_at(tiles: Table, name: str, key: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The share of key tiles (bags, N) among the n strongest of their bag, for each n, (N,)."""
    order = np.argsort(-np.asarray(tiles[name]).reshape(key.shape), axis=1, kind="stable")
    share = np.take_along_axis(key, order, 1).sum(0).cumsum() / max(int(key.sum()), 1)
    return np.asarray(share, np.float64)
