"""Test files that run side by side share the cores: torch takes a part of them in each process."""

import os

SIDE_BY_SIDE = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))

if SIDE_BY_SIDE > 1:  # before torch is imported; servers that tests start inherit it
    part = max(1, (os.cpu_count() or 1) // SIDE_BY_SIDE)
    os.environ.setdefault("OMP_NUM_THREADS", str(part))
