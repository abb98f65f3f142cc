"""How this process waits for work and holds its memory; settled before torch is loaded.

Both make the forward pass of a small network much faster, and neither changes a number.
"""

import ctypes
import logging
import os
import platform
import threading
from contextlib import suppress

log = logging.getLogger(__name__)

# Waiting threads spin a little, then sleep. Measured on two cores with EfficientNet-Lite0, one
# image: two processes at once 23 ms each, against 393 ms with the usual long spin; alone no slower.
SPINS = "1000"

# glibc gives blocks above 32 MB back at once and gets them again page by page for the next layer:
# half of the time of a float32 forward pass in batches of 8 went into that (11.5 ms an image, 5.3
# when they are kept). One arena, because a thread's own would give its blocks back all the same.
LARGEST = 256 * 2**20  # bytes of a block that is kept for reuse
RESERVE = 512 * 2**20  # bytes in all that stay with us
LAST = 19  # nice
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # mallopt's names


def prepare() -> None:
    """Settle both, where the platform has them."""
    os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
    hold_blocks(LARGEST, RESERVE)


def hold_blocks(largest: int, reserve: int) -> bool:
    """Keep freed blocks up to that size, and that much in all; whether the platform can."""
    if platform.libc_ver()[0] != "glibc":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError) as error:
        log.info("memory is held as the platform does: %s", error)
        return False
    options = ((M_MMAP_THRESHOLD, largest), (M_TRIM_THRESHOLD, reserve), (M_ARENA_MAX, 1))
    return all(mallopt(option, value) == 1 for option, value in options)


def release() -> None:
    """Give the blocks that are kept for reuse back to the system, where the platform can."""
    if platform.libc_ver()[0] == "glibc":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def step_back() -> None:
    """From now on the calling thread works only while nobody else wants a core (Linux)."""
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LAST)
