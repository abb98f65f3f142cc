"""The command line in forks of this process, which start with torch loaded and can be killed.

No thread may run and nothing may be computed in the process itself: a fork has neither.
"""

import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from traceback import print_exc

QUESTIONS = (
    ["attribution.SmoothGrad", "--model", "digits-cnn", "--image", "example:digits/17"],
    ["lab.Train", "--data", "digits", "--recipe", "epochs=2"],
)
LIMIT = 120.0  # seconds for one


def words(number: int, out: Path) -> list[str]:
    """The command of that number: each asks with its own seed, heat maps and trainings by turns."""
    question = QUESTIONS[number % len(QUESTIONS)]
    return ["run", *question, "--seed", str(number), "--out", str(out)]


def warm() -> None:
    """Import what a command imports, and compute nothing."""
    import torch  # noqa: F401

    import engine.attribution
    import engine.commands.asking
    import engine.commands.cli
    import engine.core.run  # noqa: F401


def begin(home: Path, arguments: list[str], log: Path, before: Callable[[], None] = tuple) -> int:
    """Start the command in a fork; its process id.

    Args:
        home: BLINDSPOT_HOME.
        arguments: of `python -m engine`.
        log: where it prints.
        before: is called in the fork first, such as for a limit.
    """
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        out = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.environ.update(BLINDSPOT_HOME=str(home), CXX="")
        import torch

        from engine.commands.cli import main

        torch.set_num_threads(1)
        before()
        code = main(arguments)
    except BaseException:  # noqa: BLE001 - the fork ends here; the trace in its log is counted
        print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def ended(child: int, seconds: float) -> int | None:
    """The exit status, minus a signal's number; None when it was killed after so many seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def no_file_longer_than(size: int) -> Callable[[], None]:
    """A limit as of a full disk: a file can have so many bytes and not one more."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit
