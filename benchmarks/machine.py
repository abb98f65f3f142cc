"""The machine that figures come from: what it is, how fast, and how busy with other work."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import monotonic

import psutil
import torch

from benchmarks.table import number
from benchmarks.timing import timed

SIDE, COPIED, REPEATS = 1024, 128, 7  # of a matrix, MB, and how often each


@dataclass(frozen=True)
class MachineState:
    """At one moment: the load, and the speed of two small pieces of work, each repeated.

    Args:
        load: processes that ran or waited, on average over the last minute.
        products: billion operations a second of a product of two matrices, float32.
        copies: GB a second that a copy in memory reads and writes.
    """

    load: float
    products: tuple[float, ...]
    copies: tuple[float, ...]

    def row(self, when: str) -> str:
        """A line of the table of states."""
        load = f"{self.load:.1f}"
        cells = (when, load, spread(self.products, "GFLOP/s"), spread(self.copies, "GB/s"))
        return f"| {' | '.join(cells)} |"


HEAD = (
    f"| machine | load | product of two {SIDE} × {SIDE} matrices | copy of {COPIED} MB |\n"
    "| --- | --- | --- | --- |"
)


def spread(values: tuple[float, ...], unit: str) -> str:
    """Median and ends."""
    return f"{number(median(values))} {unit} ({number(min(values))}–{number(max(values))})"


def state() -> MachineState:
    """Of now, in less than a second."""
    load = os.getloadavg()[0]  # before this work adds to it
    matrix = torch.ones(SIDE, SIDE)
    block = torch.zeros(COPIED * 2**18)
    other = torch.empty_like(block)
    torch.mm(matrix, matrix)
    other.copy_(block)
    products = [2e-9 * SIDE**3 / timed(lambda: torch.mm(matrix, matrix)) for _ in range(REPEATS)]
    copied = 2e-9 * block.nbytes
    copies = [copied / timed(lambda: other.copy_(block)) for _ in range(REPEATS)]
    return MachineState(load, tuple(products), tuple(copies))


@dataclass(frozen=True)
class CpuSpent:
    """Seconds until now: by the clock, of all cores together, and of this process and its own."""

    clock: float
    everybody: float
    own: float

    def others(self, since: CpuSpent) -> float:
        """The share of all cores that others have used, or that was stolen, since then."""
        rest = (self.everybody - since.everybody) - (self.own - since.own)
        cores = (self.clock - since.clock) * (os.cpu_count() or 1)
        return max(0.0, rest / cores) if cores else 0.0


def spent() -> CpuSpent:
    """Of now, with the servers and browsers that this process has started."""
    times, me = psutil.cpu_times(), psutil.Process()
    idle = times.idle + getattr(times, "iowait", 0.0)
    cpu_seconds = 0.0
    for process in [me, *me.children(recursive=True)]:
        with suppress(psutil.Error):  # it has ended since
            cpu_seconds += sum(process.cpu_times()[:4])  # its own, and of those it has waited for
    return CpuSpent(monotonic(), sum(times) - idle, cpu_seconds)


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The name that the processor gives itself, or what Python knows."""
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def described() -> str:
    """The machine's class in one line: cores, processor, instructions, memory, card, versions."""
    memory = psutil.virtual_memory().total / 2**30
    card = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return (
        f"{os.cpu_count()} cores ({torch.get_num_threads()} threads), {processor()}, "
        f"{torch.backends.cpu.get_cpu_capability()}, {memory:.0f} GB, {card}; "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, "
        f"torch {torch.__version__}"
    )
