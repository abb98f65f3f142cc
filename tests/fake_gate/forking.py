"""Tests are collected once; each runs in a fork of the process, where anything may be patched."""

import json
import os
import select
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import pytest

Setup = Callable[[], Sequence[object]]  # patches what it wants; the sequence grows with each use


@dataclass(frozen=True)
class Outcome:
    """What became of some tests in a fork.

    Args:
        failed: exception and message of the first that failed in its own body, or "".
        broken: what else went wrong: in a fixture, in time, or because the fork died; or "".
        passed: how many passed.
        uses: how often that which was patched was used.
        seconds: of processor time.
    """

    failed: str = ""
    broken: str = ""
    passed: int = 0
    uses: int = 0
    seconds: float = 0.0


class Watch:
    """A plugin that notes what fails."""

    def __init__(self) -> None:
        self.failed = self.broken = ""
        self.passed = 0

    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        if call.excinfo is None:
            self.passed += call.when == "call"
            return
        lines = [line for line in str(call.excinfo.value).splitlines() if line]
        words = f"{call.excinfo.typename}: {lines[0] if lines else ''}"[:200]
        if call.when == "call" and not call.excinfo.errisinstance(pytest.skip.Exception):
            self.failed = self.failed or words
        else:
            self.broken = self.broken or f"{call.when} of {item.name}: {words}"


def run(items: Sequence[pytest.Item], setup: Setup, limit: float) -> Outcome:
    """Run collected tests in a fork until one fails, at most so many seconds."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        inside(items, setup, writing)
    os.close(writing)
    reply = read(reading, time.monotonic() + limit)
    os.close(reading)
    end(child)
    used = os.wait4(child, 0)[2]
    seconds = round(used.ru_utime + used.ru_stime, 1)
    if not reply:
        return Outcome(broken=f"no end within {limit:g} s, or the process died", seconds=seconds)
    return Outcome(**json.loads(reply), seconds=seconds)


def inside(items: Sequence[pytest.Item], setup: Setup, writing: int) -> None:
    """What the fork does; it never returns."""
    os.setsid()
    watch, uses = Watch(), ()
    try:
        uses = setup()
        for item in items:
            item.config.pluginmanager.register(watch)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            item.config.pluginmanager.unregister(watch)
            if watch.failed or watch.broken:
                break
    except BaseException as error:  # noqa: BLE001 - the parent is told, whatever it is
        watch.broken = f"{type(error).__name__}: {error}"[:200]
    report = asdict(Outcome(watch.failed, watch.broken, watch.passed, len(uses)))
    del report["seconds"]
    try:
        os.write(writing, json.dumps(report).encode())
    finally:
        os._exit(0)


def read(reading: int, until: float) -> bytes:
    """All that the fork says, or what came until then."""
    content = b""
    while (left := until - time.monotonic()) > 0:
        if not select.select([reading], [], [], left)[0]:
            break
        if not (part := os.read(reading, 65536)):
            break
        content += part
    return content


def end(child: int) -> None:
    """End the fork with all that it started; it leads a group of its own."""
    try:
        os.killpg(child, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        os.kill(child, signal.SIGKILL)
