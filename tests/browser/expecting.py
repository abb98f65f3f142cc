"""Playwright's assertions, which wait, also while what a page showed before is still beside it.

While Streamlit draws a page anew, an element that has moved is there twice for a moment. Playwright
waits for everything but that: of two it says at once that one was meant. Two that stay are an error
here, too.
"""

import time
from collections.abc import Callable
from typing import Any, cast, overload

from playwright.sync_api import Locator, LocatorAssertions, Page, PageAssertions
from playwright.sync_api import expect as playwright_expect

LONG = 240_000  # ms: for what is computed anew, where others compute beside it
SECONDS = 30.0  # until two of one kind are there to stay
EVERY = 0.1  # seconds


class Patient:
    """The assertions of Playwright, asked again as long as there are two of what was meant."""

    def __init__(self, assertions: LocatorAssertions | PageAssertions) -> None:
        self.assertions = assertions

    def __getattr__(self, name: str) -> Callable[..., None]:
        ask = getattr(self.assertions, name)

        def again(*args: Any, **options: Any) -> None:
            deadline = time.monotonic() + SECONDS
            while True:
                try:
                    ask(*args, **options)
                except AssertionError as error:
                    if "strict mode violation" not in str(error) or time.monotonic() > deadline:
                        raise
                    time.sleep(EVERY)
                else:
                    return

        return again


@overload
def expect(seen: Page) -> PageAssertions: ...
@overload
def expect(seen: Locator) -> LocatorAssertions: ...
def expect(seen: Page | Locator) -> PageAssertions | LocatorAssertions:
    return cast("LocatorAssertions", Patient(playwright_expect(seen)))
