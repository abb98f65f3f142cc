"""Which question a process is computing now, so that no other process computes it too.

A claim is a lock on a file, which the system takes back from a process that dies. A question has
one of 4096 files, by the beginning of its digest: they are never deleted, so no process can hold
the lock of a file that another one no longer finds.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from engine.core.keeping.private import FILE, private_folder

fcntl: Any = None
with suppress(ImportError):  # not a POSIX system: two may compute the same, and both are right
    fcntl = import_module("fcntl")

log = logging.getLogger(__name__)

LETTERS = 3  # of a digest that name its file
POLL_SECONDS = 0.2  # between two looks at a lock: Ctrl-C ends the wait, also on a network disk
PATIENT_SECONDS = 60.0  # after which the log says that we wait

_inside = threading.local()  # how many claims this thread holds


@contextmanager
def claimed(
    folder: Path, digest: str, *, wait: bool = True, beat: Callable[[], object] = bool
) -> Iterator[bool]:
    """Hold the question inside the block; False where another process has it and `wait` is off.

    Where the disk knows no locks nothing is held, and the block runs all the same. `beat` is called
    again and again while it waits, and may raise to end that.

    A thread that holds a claim already waits for none: the lane lets a question through within
    another one, and the inner would wait for the outer, or for a process that waits for us. Then
    both compute the same, and both are right.
    """
    outer = getattr(_inside, "claims", 0)
    try:
        private_folder(folder)
        handle = os.open(folder / digest[:LETTERS], os.O_RDWR | os.O_CREAT, FILE)
        with suppress(OSError):  # somebody else's
            (folder / digest[:LETTERS]).chmod(FILE)  # whatever the umask took away
    except OSError as error:
        log.warning("no claim on %s: %s", digest, error)
        yield True
        return
    try:
        ours = locked(handle, wait=wait and not outer, beat=beat) or (wait and outer > 0)
        _inside.claims = outer + ours
        yield ours
    finally:
        _inside.claims = outer
        os.close(handle)  # which gives the lock back


def locked(handle: int, *, wait: bool, beat: Callable[[], object]) -> bool:
    """Whether the file of that handle is ours now."""
    if fcntl is None:
        return True
    begun, is_reported = monotonic(), False
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not wait:
                return False
        except OSError as error:  # such as a network disk without locks
            log.warning("no claim: %s", error)
            return True
        else:
            return True
        if not is_reported and monotonic() - begun > PATIENT_SECONDS:
            is_reported = True
            log.warning("another process has been computing this for a while: waiting for it")
        sleep(POLL_SECONDS)
        beat()
