"""What a person did to a scene, as a short text that a link can carry.

Each edit is one part between commas: "-boat" takes the boat out, "boat*0.25" gives it that
opacity, "boat@6" moves it to the cell of that number, counted in rows from the upper left.
"""

from dataclasses import dataclass
from typing import Literal

from engine.core.errors import BadData
from engine.vision.data.layout import CELLS, Scene

Act = Literal["remove", "fade", "move"]
MOST = 40  # edits of a link
SIGNS: dict[str, Act] = {"*": "fade", "@": "move"}


@dataclass(frozen=True)
class Edit:
    """One change: of which thing, what, and to what opacity or cell."""

    thing: str
    act: Act
    to: float = 0.0

    @property
    def text(self) -> str:
        if self.act == "remove":
            return f"-{self.thing}"
        sign = next(sign for sign, act in SIGNS.items() if act == self.act)
        return f"{self.thing}{sign}{self.to:g}"


Edits = tuple[Edit, ...]


def parse_edits(text: str) -> Edits:
    """The edits that a text names; what cannot be read is left out."""
    return tuple(edit for part in text.split(",") if (edit := parse_edit(part.strip())))


def is_readable(text: str) -> bool:
    """Whether a link's text is of edits alone, and of no more than a person makes."""
    parts = text.split(",", MOST)
    return not text or (len(parts) <= MOST and all(parse_edit(part.strip()) for part in parts))


def parse_edit(part: str) -> Edit | None:
    if part.startswith("-"):
        return Edit(part[1:], "remove")
    for sign, act in SIGNS.items():
        category, separator, number = part.partition(sign)
        try:
            to = float(number)
        except ValueError:
            continue
        if separator and category and allowed(act, to):
            return Edit(category, act, to)
    return None


def allowed(act: Act, to: float) -> bool:
    return 0 <= to <= 1 if act == "fade" else to in range(CELLS * CELLS)


def format_edits(edits: Edits) -> str:
    return ",".join(edit.text for edit in edits)


def add_edit(edits: Edits, new: Edit) -> Edits:
    """With one more; fading or moving the same thing again replaces the last edit."""
    if edits and (edits[-1].thing, edits[-1].act) == (new.thing, new.act):
        edits = edits[:-1]
    return (*edits, new)


def put_back(edits: Edits, category: str) -> Edits:
    return tuple(edit for edit in edits if (edit.thing, edit.act) != (category, "remove"))


def applied(scene: Scene, edits: Edits) -> tuple[Scene, Edits, tuple[str, ...]]:
    """The scene as edited, the edits that made it so, and why another could not be done.

    Edits that leave the scene as it was, such as fading a thing and back, made nothing.
    """
    first, applied_edits, problems = scene, [], []
    for edit in edits:
        try:
            scene = with_edit(scene, edit)
            applied_edits.append(edit)
        except BadData as error:
            problems.append(str(error))
    return scene, () if scene.things == first.things else tuple(applied_edits), tuple(problems)


def with_edit(scene: Scene, edit: Edit) -> Scene:
    """One edit. Raises BadData."""
    match edit.act:
        case "remove":
            return scene.remove(edit.thing)
        case "fade":
            return scene.with_opacity(edit.thing, edit.to)
        case "move":
            return scene.moved(edit.thing, *divmod(int(edit.to), CELLS))
