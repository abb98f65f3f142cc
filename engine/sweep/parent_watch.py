"""A worker of a sweep ends with the process that started it, also when that one is killed."""

import os
import threading
from time import sleep

POLL_SECONDS = 0.5  # between two looks at who our parent is


def end_with(parent: int) -> None:
    """From now on end this process as soon as that process is no longer its parent.

    A parent that is killed says nothing to anybody: the system gives its children another one.
    (Linux could send a signal instead, but does so when the *thread* ends that started us.) What
    was computed is kept by then, and the system gives back locks; half-written files go at the
    next start.
    """
    threading.Thread(target=watch, args=(parent,), daemon=True, name="parent watch").start()


def watch(parent: int) -> None:
    """End this process when that one has gone."""
    while os.getppid() == parent:
        sleep(POLL_SECONDS)
    os._exit(1)  # no clean-up: it could wait for a lock of a process that is gone
