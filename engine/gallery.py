"""Answers that ship with the app, so that the samples answer at once: `python -m engine gallery`.

They are ordinary entries of the store, found through their digests: when a method, its defaults,
the model or the decoded pixels change, they are simply not found any more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from engine.anomaly import opening as anomaly
from engine.attribution import opening as attribution
from engine.case.opening import Question
from engine.errors import BlindspotError
from engine.hallucination import opening as hallucination
from engine.keeping.shipping import BITS, rounded
from engine.keeping.store import Store, shrink
from engine.result import Table, View
from engine.run import GALLERY, Answer, compute_answer, digest, own_words, read_as, without_words
from engine.sparsity import opening as sparsity
from engine.unlearning import opening as unlearning

OPENINGS = (attribution, anomaly, sparsity, unlearning, hallucination)
SAME = 1e-3  # how far an answer may be from the shipped one, which another machine gave


def questions() -> Iterator[Question]:
    """What the views ask when they are opened for the first time; each family says it itself."""
    for opening in OPENINGS:
        yield from opening.questions()


def shipped_answer(question: Question) -> Answer | None:
    """The answer that ships, or None; nothing else is looked at."""
    stored = Store(GALLERY).get(digest(*question))
    return read_as(stored, question[1]) if stored else None


def stale(question: Question) -> str:
    """What is wrong with the shipped answer, or ""; it is computed again."""
    method, case = question
    stored = shipped_answer(question)
    if stored is None:
        return f"{method.title} is missing"
    for name, view in method(case).items():
        for field, array in lasting(view).items():
            before = stored[name].arrays()[field]
            tolerance = SAME + 0.5 ** BITS.get(
                array.dtype, 64
            )  # of the range; half a step is rounding
            if not np.allclose(before, array, rtol=SAME, atol=tolerance * float(np.ptp(array))):
                return f"{method.title} gives another {name}"
    return ""


def lasting(view: View) -> dict[str, Any]:
    """A view's arrays without times, which are others every time."""
    arrays: dict[str, Any] = view.arrays()
    if isinstance(view, Table):
        times = {f"columns/{n}" for n, u in zip(view.order, view.units, strict=True) if u == "s"}
        return {name: array for name, array in arrays.items() if name not in times}
    return arrays


def make(again: Collection[str] = ()) -> int:
    """Compute what is missing, remove what is asked no more; how many there are.

    Args:
        again: names of methods whose answers are computed although they are there, for seconds of
            another machine.

    Raises:
        BlindspotError: no answer that ships is of such a method, or one is of a model that does
            not ship, whose answers other installations would not find.
    """
    GALLERY.mkdir(parents=True, exist_ok=True)
    store = Store(GALLERY)
    pairs = list(questions())
    method_names = sorted({method.name for method, _ in pairs})
    if unknown := set(again).difference(method_names):
        raise BlindspotError(
            f"No answer that ships is of {min(unknown)!r}: {', '.join(method_names)}."
        )
    titles = {}
    for method, case in pairs:
        name = digest(method, case)
        if own_words(case):
            raise BlindspotError(f"{method.title}: {case.model.name} does not ship with Blindspot.")
        titles[name] = method.title
        if store.get(name) is None or method.name in again:
            result, record = compute_answer(method, case, name)
            store.put(name, rounded(result), without_words(record))
    for path in GALLERY.glob("*.json"):
        if path.stem not in titles:
            for file in GALLERY.glob(f"{path.stem}.*"):
                file.unlink()
    shrink(GALLERY)
    return len(titles)
