"""A piece of work in a forked child, which starts with all that is loaded here."""

import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any


def forked(work: Callable[[], Any], cpu: float, wall: float, log: Path) -> Any | None:
    """What the work gives, sent as JSON; None when it crashed or used more than its seconds."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _child(work, writing, int(cpu) + 1, log)
    os.close(writing)
    try:
        reply = _read_until(reading, time.monotonic() + wall)
    finally:
        os.close(reading)
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # its own group, with whatever it started
        os.waitpid(child, 0)
    return json.loads(reply) if reply else None


def _child(work: Callable[[], Any], writing: int, cpu: int, log: Path) -> None:
    code = 1
    try:
        os.setsid()
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (cpu, most))
        out = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        os.dup2(out, 1)
        os.dup2(out, 2)
        payload = json.dumps(work()).encode()
        while payload:
            payload = payload[os.write(writing, payload) :]
        code = 0
    except BaseException as error:  # noqa: BLE001 - whatever it was, the parent goes on
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
    finally:
        sys.stderr.flush()
        os._exit(code)


def _read_until(reading: int, until: float) -> bytes:
    """All that is written before the time is up, or nothing."""
    content = b""
    while (left := until - time.monotonic()) > 0:
        if not select.select([reading], [], [], left)[0]:
            break
        piece = os.read(reading, 2**16)
        if not piece:
            return content
        content += piece
    return b""
