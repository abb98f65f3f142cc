"""Computing time and memory of this process and of the reader that waits, for one trial."""

import resource
from pathlib import Path

from engine.vision.images import reader

PROC = Path("/proc")
KNOWN = PROC.joinpath("self", "clear_refs").exists()  # whether the system tells: Linux does


def status(pid: int | str, word: str) -> float:
    """A line of a process's memory, in MB; 0 where the system does not tell."""
    if not KNOWN:
        return 0.0
    lines = PROC.joinpath(str(pid), "status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(word))


def reader_pid() -> int | None:
    return reader._idle[0].process.pid if reader._idle else None


def computed() -> float:
    """Seconds of this process and of all readers, also of those that have ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    total = sum(used.ru_utime + used.ru_stime for used in both)
    if KNOWN and (pid := reader_pid()):
        words = PROC.joinpath(str(pid), "stat").read_text(encoding="utf-8").rpartition(")")[2]
        total += sum(map(int, words.split()[11:13])) / 100
    return total


class Usage:
    def __init__(self) -> None:
        self.reader = reader_pid()
        for pid in ("self", self.reader):
            if pid and KNOWN:  # the peak begins anew
                PROC.joinpath(str(pid), "clear_refs").write_text("5", encoding="utf-8")
        self.own = status("self", "VmRSS")
        self.theirs = status(self.reader, "VmRSS") if self.reader else 0.0
        self.began = computed()

    def seconds(self) -> float:
        return max(0.0, computed() - self.began)

    def mb(self) -> float:
        """The peak of this process beyond what it had, and the reader's likewise."""
        pid = reader_pid()
        theirs = status(pid, "VmHWM") - self.theirs if pid and pid == self.reader else 0.0
        return status("self", "VmHWM") - self.own + theirs
