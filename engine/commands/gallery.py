"""Answers that ship with the app, so that the samples answer at once: `python -m engine gallery`.

They are ordinary entries of the store, found through their digests: when a method, its defaults,
the model or the decoded pixels change, they are simply not found any more.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine.commands.openings import anomaly, attribution, hallucination, sparsity, unlearning
from engine.commands.revisions import loaded_methods, locked, write_lock
from engine.core.errors import BlindspotError
from engine.core.keeping.shipping import BITS, rounded
from engine.core.keeping.store import Store, shrink
from engine.core.result import Table, View
from engine.core.run import (
    GALLERY,
    Answer,
    compute_answer,
    digest,
    own_words,
    read_as,
    without_words,
)
from engine.vision.case.opening import OpeningQuestion

OPENINGS = (attribution, anomaly, sparsity, unlearning, hallucination)
SAME = 1e-3  # how far an answer may be from the shipped one, which another machine gave


def lock_file() -> Path:
    """Where the revisions of the methods whose answers ship are locked."""
    return GALLERY.with_name(f"{GALLERY.name}.lock.json")


def questions() -> Iterator[OpeningQuestion]:
    """What the views ask when they are opened for the first time; each family says it itself."""
    for opening in OPENINGS:
        yield from opening.questions()


def shipped_answer(question: OpeningQuestion) -> Answer | None:
    """The answer that ships, or None; nothing else is looked at."""
    stored = Store(GALLERY).get(digest(*question))
    return read_as(stored, question[1]) if stored else None


def stale(question: OpeningQuestion) -> str:
    """What is wrong with the shipped answer, or ""; it is computed again."""
    stored = shipped_answer(question)
    if stored is None:
        return f"{question[0].title} is missing"
    return difference(stored, question)


def difference(stored: Mapping[str, View], question: OpeningQuestion) -> str:
    """In which view an answer is not what the question gives now, or ""."""
    method, case = question
    for name, view in method(case).items():
        for field, array in lasting(view).items():
            before = stored[name].arrays()[field]
            tolerance = SAME + 0.5 ** BITS.get(
                array.dtype, 64
            )  # of the range; half a step is rounding
            known = np.asarray(array, np.float64)
            known = known[~np.isnan(known)]
            spread = float(np.ptp(known)) if known.size else 0.0
            if not np.allclose(before, array, rtol=SAME, atol=tolerance * spread, equal_nan=True):
                return f"{method.title} gives another {name}"
    return ""


def lasting(view: View) -> dict[str, Any]:
    """A view's arrays without times, and ranks by them, which are others every time."""
    arrays: dict[str, Any] = view.arrays()
    if isinstance(view, Table):
        times = {
            f"columns/{name}"
            for name, unit in zip(view.order, view.units, strict=True)
            if unit == "s" or name == "seconds"
        }
        return {name: array for name, array in arrays.items() if name not in times}
    return arrays


def earlier(question: OpeningQuestion) -> Answer | None:
    """The shipped answer of the same revision that lies under a name which it had before."""
    method, case = question
    asked = {"method": method.full_name(), "revision": method.revision}
    asked |= {"settings": method.settings(), "case": case.facts()}
    asked = without_words(json.loads(json.dumps(asked)))
    for path in sorted(GALLERY.glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))["record"]
        if {name: record[name] for name in asked} == asked:
            stored = Store(GALLERY).get(path.stem)
            return read_as(stored, case) if stored else None
    return None


def confirm(names: Collection[str]) -> None:
    """Compute the quickest shipped answer of each of these methods again, and lock what gave it.

    An answer that is the same under another name than before takes that name.

    Raises:
        BlindspotError: no answer that ships is of such a method, or one is not the same.
    """
    pairs = list(questions())
    check_names(names, pairs)
    for name in names:
        answers = [
            (question, shipped_answer(question) or earlier(question))
            for question in pairs
            if question[0].name == name
        ]
        known = [(question, answer) for question, answer in answers if answer is not None]
        if not known:
            raise BlindspotError(f"{name} has another revision or case: run make gallery.")
        question, answer = min(known, key=lambda pair: float(pair[1].record["seconds"]))
        if what := difference(answer, question):
            raise BlindspotError(f"{what}: raise its revision and run make gallery.")
        for other, same_answer in known:
            name_now = digest(*other)
            if same_answer.record["digest"] != name_now:
                record = without_words({**same_answer.record, "digest": name_now})
                Store(GALLERY).put(name_now, same_answer.views, record)
                for file in GALLERY.glob(f"{same_answer.record['digest']}.*"):
                    file.unlink()
        write_lock(lock_file(), {type(method) for method, _ in pairs}, {question[0].full_name()})
    shrink(GALLERY)


def accept(names: Collection[str]) -> None:
    """Lock these methods, all if none is named, as they are; nothing is computed.

    Raises:
        BlindspotError: one of them is not locked.
    """
    kinds = {
        kind.name: kind for kind in loaded_methods() if kind.full_name() in locked(lock_file())
    }
    if unknown := set(names).difference(kinds):
        raise BlindspotError(f"No answer that ships is of {min(unknown)!r}.")
    confirmed = {kinds[name].full_name() for name in names or kinds}
    write_lock(lock_file(), kinds.values(), confirmed)


def check_names(names: Collection[str], pairs: Iterable[OpeningQuestion]) -> None:
    """Raises BlindspotError where no answer that ships is of a method of that name."""
    method_names = sorted({method.name for method, _ in pairs})
    if unknown := set(names).difference(method_names):
        raise BlindspotError(
            f"No answer that ships is of {min(unknown)!r}: {', '.join(method_names)}."
        )


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
    check_names(again, pairs)
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
    write_lock(lock_file(), {type(method) for method, _ in pairs})
    shrink(GALLERY)
    return len(titles)
