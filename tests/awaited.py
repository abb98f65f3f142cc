"""Coroutines in tests: in a thread of their own, since Playwright's loop may run in this one."""

import asyncio
from concurrent.futures import ThreadPoolExecutor


def awaited(coroutine):
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, coroutine).result()
