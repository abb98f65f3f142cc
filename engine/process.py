"""How this process waits for work and holds its memory; settled before torch is loaded.

Both make the forward pass of a small network much faster, and neither changes a number.
"""

from __future__ import annotations

import ctypes
import logging
import os
import platform

log = logging.getLogger(__name__)

# Waiting threads spin a little, then sleep. Measured on two cores with EfficientNet-Lite0, one
# image: two processes at once 23 ms each, against 393 ms with the usual long spin; alone no slower.
SPINS = "1000"

# glibc gives blocks above 32 MB back at once and gets them again page by page for the next layer:
# half of the time of a float32 forward pass in batches of 8 went into that (11.5 ms an image, 5.3
# with these). Blocks up to 256 MB are kept for reuse, and up to 512 MB of them stay with us.
MMAP_THRESHOLD = (-3, 256 * 2**20)  # mallopt's M_MMAP_THRESHOLD
TRIM_THRESHOLD = (-1, 512 * 2**20)  # M_TRIM_THRESHOLD
ARENAS = (-8, 1)  # M_ARENA_MAX: a thread's own arena would give its blocks back all the same


def prepare() -> None:
    """Settle both, where the platform has them."""
    os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
    if platform.libc_ver()[0] != "glibc":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError) as error:
        log.info("memory is held as the platform does: %s", error)
        return
    for option, value in (MMAP_THRESHOLD, TRIM_THRESHOLD, ARENAS):
        mallopt(option, value)
