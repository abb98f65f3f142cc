"""The one way to compute: look the answer up, or compute it once and keep it."""

import json
import logging
import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from engine.core.borrow import borrowing
from engine.core.case_base import digest_text
from engine.core.device import same_numbers
from engine.core.errors import BlindspotError
from engine.core.given_names import given_names
from engine.core.keeping.names import as_called, hidden
from engine.core.keeping.packing import Record, StoredAnswer
from engine.core.keeping.private import mend
from engine.core.keeping.store import Store, home, keep_row, read_table, sweep_strays
from engine.core.lane import Job, lane
from engine.core.method import Case, CaseT, Method, Progress, quiet
from engine.core.result import Result, View
from engine.core.tally import counting

log = logging.getLogger(__name__)

GALLERY = Path(__file__).parents[2] / "assets" / "gallery"
VERSIONED = ("torch", "timm", "captum", "numpy", "scikit-image")
WORDS = {"target", "compared with", "prompt", "thing", "others"}
"""Facts of a case in words that a visitor may have given."""
UNRECORDED = {"compiled_forwards": None, "forwards": None, "kept_parts": None}  # of old versions
PAST = 5  # runs from which the next one's seconds are guessed

_visitor_numbers = count()
_recomputed: ContextVar[Callable[[Case], bool] | None] = ContextVar("_recomputed", default=None)
_parts: ContextVar[dict[str, float] | None] = ContextVar("_parts", default=None)


@dataclass(frozen=True)
class Answer(Mapping[str, View]):
    """A result with the record of how it was made."""

    views: Result
    record: Record
    kept: bool  # it was known before it was asked

    def __getitem__(self, name: str) -> Any:
        return self.views[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.views)

    def __len__(self) -> int:
        return len(self.views)


@cache
def store() -> Store:
    """The store of this process; what others left half-written, anywhere at home, goes first.

    What an older version let others read is closed to them.
    """
    mend(home())
    sweep_strays(home())
    return Store(home() / "answers", shipped=(GALLERY,))


def digest(method: Method[Any], case: Case) -> str:
    """The name of a question: the same method, settings and case always give the same name."""
    facts = {
        "method": method.full_name(),
        "revision": method.revision,
        "settings": method.settings(),
        "case": case.fingerprint,
    }
    if method.enumerates:  # another one, or another revision of one, is another answer
        facts["enumerates"] = [[kind.full_name(), kind.revision] for kind in method.enumerates]
    if words := own_words(case):  # of an answer, its progress and its errors
        facts["words"] = words
    return blake2b(json.dumps(facts, sort_keys=True).encode(), digest_size=16).hexdigest()


def job_name(method: Method[Any], case: Case) -> str:
    """The name of a question's job: whoever calls classes or files otherwise has another one."""
    return as_called(digest(method, case), given_names(case))


def own_words(case: Case) -> str:
    """A digest of the class names that a case's model has; "" where they ship with its weights.

    The model's fingerprint leaves them out: one set of weights may have the names of several files.
    """
    model: Any = getattr(case, "model", None)
    labels = getattr(model, "labels", ())
    return digest_text(repr(labels)) if labels and not model.ships else ""


def kept_answer(method: Method[CaseT], case: CaseT) -> Answer | None:
    """The kept answer, or None."""
    stored = store().get(digest(method, case), given_names(case))
    return read_as(stored, case) if stored else None


def read_as(stored: StoredAnswer, case: Case) -> Answer:
    """A kept answer with the words of whoever reads it; fields that its record lacks are None."""
    return Answer(stored.result, UNRECORDED | stored.record | {"case": case.facts()}, kept=True)


def ask(method: Method[CaseT], case: CaseT, visitor: str = "") -> Job[Answer]:
    """Put the question into the lane of the case's device, or join the one already there.

    Raises:
        DoesNotFit: the case cannot give what the method needs.
        TooBusy: the queue is full.
    """
    method.check(case)
    name = digest(method, case)
    return lane(case.lane).submit(
        job_name(method, case),
        lambda progress: compute(name, method, case, progress),
        method.cost,
        visitor,
        job_title(method, case),
        method.title,
    )


def job_title(method: Method[Any], case: Case) -> str:
    """A job's line in its own visitor's list: what, about which class or data, by which model."""
    facts = case.facts()
    about = (facts.get(fact) for fact in ("target", "data", "model"))
    return " · ".join([method.title, *(str(part) for part in about if part)])


def under_way(method: Method[Any], case: Case) -> bool:
    """Whether somebody has asked this and it is being computed, or waits for its turn."""
    return lane(case.lane).find(job_name(method, case)) is not None


def answer(
    method: Method[CaseT], case: CaseT, progress: Progress = quiet, visitor: str = ""
) -> Answer:
    """The answer: kept, or computed now while this call waits.

    A method that asks another method does so through here too, and is answered in place. Who
    gives no visitor's name is a visitor of their own, whose leaving is nobody else's.
    """
    if (is_recomputed := _recomputed.get()) is not None and is_recomputed(case):
        method.check(case)
        return Answer(*compute_answer(method, case, digest(method, case), progress), kept=False)
    if ready := kept_answer(method, case):
        note_part(digest(method, case), ready.record["seconds"])
        return ready
    method.check(case)
    if lane(case.lane).inside:
        return compute(digest(method, case), method, case, progress)
    if borrowing():
        raise RuntimeError("give the model back before asking: the lane may be waiting for it")
    visitor = visitor or f"stranger {next(_visitor_numbers)}"
    job = ask(method, case, visitor)
    try:
        while not job.wait(0.1):
            progress(job.done, job.words, job.partial)
    except BaseException:
        job.leave(visitor)
        raise
    return job.value()


@contextmanager
def recompute(is_recomputed: Callable[[Case], bool]) -> Iterator[None]:
    """Inside, `answer` computes questions about such cases here and now, and keeps none of it.

    For whoever measures how long an answer takes, with all that it asks in turn.
    """
    token = _recomputed.set(is_recomputed)
    try:
        yield
    finally:
        _recomputed.reset(token)


def compute(name: str, method: Method[CaseT], case: CaseT, progress: Progress) -> Answer:
    """Compute and keep; an answer that came in the meantime is taken as it is.

    The answer to words that somebody typed is kept in memory only: it may repeat them, and its name
    could be found by trying words.
    """
    names = given_names(case)
    if stored := store().get(name, names):
        return read_as(stored, case)
    result, facts = compute_answer(method, case, name, progress)
    stored = store().put(name, result, without_words(facts), names, memory_only=case.typed)
    note_seconds(method, case, facts["seconds"])
    return Answer(stored.result, facts, kept=False)


def compute_answer(
    method: Method[CaseT], case: CaseT, name: str, progress: Progress = quiet
) -> tuple[Result, Record]:
    """The answer, computed now, and how it was made.

    Raises:
        BlindspotError: a GPU has too little memory for it.
    """
    start = perf_counter()
    note_part(name, 0.0)  # its seconds are the asker's own
    token = _parts.set({})
    result = None
    try:
        with counting() as tally, suppress(torch.OutOfMemoryError), same_numbers(case.lane):
            result = method(case, progress)
        if result is None:  # raised here, where no trace holds the tensors that filled the memory
            raise BlindspotError(
                f"{method.title} needs more memory than {case.lane} has free now: ask a smaller "
                "model or fewer images, or ask again when others have finished."
            )
        parts = {"kept_parts": round(sum((_parts.get() or {}).values()), 4)}
    finally:
        _parts.reset(token)
    return result, record(method, case, name, perf_counter() - start) | parts | tally.facts()


def note_part(name: str, seconds: float) -> None:
    """Note for the question under way that it took another's kept answer, and what that took."""
    if (parts := _parts.get()) is not None:
        parts.setdefault(name, seconds)


def without_words(full_record: Record) -> Record:
    """A record as it is kept: nothing in it is a word that a visitor gave."""
    case = {name: value for name, value in full_record["case"].items() if name not in WORDS}
    return full_record | {"case": case}


def record(method: Method[CaseT], case: CaseT, name: str, seconds: float) -> Record:
    """How an answer was made: enough to ask again and to explain it later."""
    return {
        "digest": name,
        "method": method.full_name(),
        "title": method.title,
        "revision": method.revision,
        "paper": method.paper,
        "settings": method.settings(),
        "case": case.facts(),
        "device": case.lane,
        "seconds": round(seconds, 4),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
    }


@cache
def versions() -> dict[str, str]:
    results = {"python": platform.python_version()}
    for name in VERSIONED:
        try:
            results[name] = version(name)
        except PackageNotFoundError:
            log.debug("%s is not installed", name)
    return results


def seconds_file() -> Path:
    """Where the seconds that questions took on this machine are kept."""
    return home() / "seconds.json"


def seconds_key(method: Method[Any], case: Case) -> str:
    """Questions that should take alike: same method, settings, model, device and precision.

    On a CPU the number of threads counts too: a process of a sweep has one.
    """
    settings = hidden(given_names(case), json.dumps(method.settings(), sort_keys=True))
    facts = case.facts()
    alike = facts.get("alike") or facts.get("model_fingerprint", "")
    device = f"cpu × {torch.get_num_threads()}" if case.lane == "cpu" else case.lane
    return f"{method.full_name()}|{settings}|{alike}|{device}|{case.precision}"


def past_seconds(key: str) -> list[float]:
    """What the last runs took."""
    row = read_table(seconds_file()).get(key)
    return [number for number in row if isinstance(number, float)] if isinstance(row, list) else []


def note_seconds(method: Method[Any], case: Case, seconds: float) -> None:
    """Remember how long it took here."""
    key = seconds_key(method, case)
    keep_row(seconds_file(), key, [*past_seconds(key), seconds][-PAST:])


def expected_seconds(method: Method[Any], case: Case) -> float | None:
    """About how long it takes here, the median of the last runs; None when never run."""
    past = sorted(past_seconds(seconds_key(method, case)))
    return past[len(past) // 2] if past else None


__all__ = [
    "Answer",
    "Job",
    "StoredAnswer",
    "answer",
    "ask",
    "digest",
    "expected_seconds",
    "job_name",
    "kept_answer",
    "recompute",
    "store",
]
