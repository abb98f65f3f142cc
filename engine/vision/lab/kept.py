"""What a training gave is kept among the models, also when nobody waits for it any more."""

import logging
import threading
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, cast
from weakref import WeakKeyDictionary

from engine.core.errors import BlindspotError
from engine.core.lane import Job, lanes
from engine.core.result import Checkpoint, View
from engine.core.run import digest
from engine.vision.lab.train import Train
from engine.vision.models import checkpoints
from engine.vision.models.checkpoints import Stored
from engine.vision.training import Unfinished

log = logging.getLogger(__name__)

Keeper = Callable[[Checkpoint], Stored]  # keeps a model, as somebody's

_followed: WeakKeyDictionary[Job[object], set[str]] = WeakKeyDictionary()  # for whom
_followed_lock = threading.Lock()


def keep(result: Mapping[str, View], keeper: Keeper = checkpoints.keep) -> Stored:
    """The result's model, kept. Raises BlindspotError when it cannot be."""
    model = result["model"]
    if not isinstance(model, Checkpoint):
        raise BlindspotError("There is no model in this result.")
    return keeper(model)


def keep_when_done(job: Job[object], keeper: Keeper = checkpoints.keep, visitor: str = "") -> None:
    """Keep the model as soon as the job is over, once for each visitor who waits for it."""
    with _followed_lock:
        visitors = _followed.setdefault(job, set())
        if visitor in visitors:
            return
        visitors.add(visitor)
    threading.Thread(target=wait, args=(job, keeper), name="keep a model", daemon=True).start()


def under_way(unfinished: Unfinished) -> bool:
    """Whether that training waits or runs in this process; its name begins with its case's."""
    case = SimpleNamespace(fingerprint=unfinished.name.rpartition("-")[0])
    name = digest(Train(), cast(Any, case))
    return any(job.name == name for lane in lanes() for job in lane.jobs())


def wait(job: Job[object], keeper: Keeper) -> None:
    """The end of the job; one that was stopped or failed gives no model."""
    try:
        result = job.value()
        if isinstance(result, Mapping):
            keep(result, keeper)
    except BlindspotError as error:
        log.info("no model is kept of %s: %s", job.title, error)
    except Exception:
        log.exception("no model is kept of %s", job.title)
