"""Which functions each test reaches, so that a mutant is shown to those tests only."""

import functools
import gc
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any

import pytest

Place = tuple[str, str]  # file, qualified name


def caches() -> list[Any]:
    """What functions of tests and engine remember; each file is to compute for itself."""
    return [
        cache
        for cache in gc.get_objects()
        if isinstance(cache, functools._lru_cache_wrapper)
        and str(cache.__module__).split(".", maxsplit=1)[0] in {"engine", "tests"}
    ]


class Reach:
    """A plugin for one run of the unchanged code."""

    def __init__(self, files: frozenset[str]) -> None:
        self.files = files
        self.met: set[CodeType] = set()
        self.by_item: dict[str, set[Place]] = {}
        self.by_file: dict[str, set[Place]] = defaultdict(set)  # what a file's fixtures reach
        self.seconds: dict[str, float] = defaultdict(float)
        self.failed: set[str] = set()
        self.file = ""
        self.caches = caches()

    def trace(self, frame: FrameType, event: str, arg: object) -> None:
        """Called at every call of a Python function; its lines are not followed."""
        if frame.f_code.co_filename in self.files:
            self.met.add(frame.f_code)

    def taken(self) -> set[Place]:
        """What was met since the last time."""
        met, self.met = self.met, set()
        return {(code.co_filename, code.co_qualname) for code in met}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Watch one test; the first of a file starts with empty caches."""
        if str(item.path) != self.file:
            self.file = str(item.path)
            for cache in self.caches:
                cache.cache_clear()
        start = time.process_time()
        threading.settrace(self.trace)
        sys.settrace(self.trace)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            threading.settrace(None)  # type: ignore[arg-type]
            self.by_item.setdefault(item.nodeid, set()).update(self.taken())
            self.seconds[item.nodeid] = time.process_time() - start

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        """What fixtures reach counts for every test of the file: some are made once for all."""
        try:
            return (yield)
        finally:
            self.by_file[str(item.path)] |= self.taken()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what is red without any mutant."""
        if report.failed:
            self.failed.add(report.nodeid)
