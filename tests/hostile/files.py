"""Trials of files: other projects' test files and mutants of them, through every door there is."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.soak.report import Row
from engine.vision.images.kinds import kind
from tests.hostile.corpus import INSTALLED, SDIST, WHEEL, corpus, fetch
from tests.hostile.doors import Doors, GoodFiles, tried
from tests.hostile.mutations import changed
from tests.hostile.trials import Attempt, TrialKind, TrialOutcome, summary

SEED = 39
MOST_SECONDS = 15.0  # of computing for one file, through all doors
MOST_MB = 1000.0  # server and reader together


class FileTrials(TrialKind):
    """Each listed file as it is, then mutants of them.

    Args:
        sources: which packages are taken.
    """

    title = "Test files of other projects"
    count = 10_500
    longest = 240.0

    def __init__(self, sources: Sequence[str] = (INSTALLED, SDIST, WHEEL)) -> None:
        self.sources = sources

    @cached_property
    def files(self) -> dict[str, bytes]:
        if set(self.sources) != {INSTALLED}:
            fetch()
        return corpus(self.sources)

    @cached_property
    def mutable(self) -> list[str]:
        """Files of which mutants are made: those of formats that are read here, and not empty."""
        return [path for path, data in self.files.items() if data and is_image(path, data)]

    def names(self, count: int) -> list[str]:
        """Every file by its path, then mutants by their number and the path of their file."""
        paths = self.mutable
        return [*self.files, *[f"{at:05} {paths[at % len(paths)]}" for at in range(count)]]

    def content(self, name: str) -> tuple[str, bytes]:
        """What was changed, and the bytes."""
        if name in self.files:
            return "", self.files[name]
        number, path = name.split(" ", 1)
        rng = np.random.default_rng([SEED, int(number)])
        other = self.files[self.mutable[rng.integers(len(self.mutable))]]
        return changed(self.files[path], other, rng)

    @contextmanager
    def running(self) -> Iterator[Attempt]:
        """This process is the server, and has a reader."""
        good, place = GoodFiles(), []
        handler = logging.Handler()
        handler.emit = lambda record: place.append(record.getMessage())  # type: ignore[method-assign]
        log = logging.getLogger("engine.vision.decoding_guard")
        log.addHandler(handler)
        with TemporaryDirectory() as folder:
            doors = Doors(Path(folder))

            def attempt(name: str) -> TrialOutcome:
                place.clear()
                change, data = self.content(name)
                came, wrong, seconds, mb = tried(doors.of(name), data, "a" + suffix_of(name))
                if seconds > MOST_SECONDS or mb > MOST_MB:
                    wrong.append(f"{seconds:.1f} s, {mb:.0f} MB")
                wrong += good.check()
                note = " ".join(sorted({change, *place})).strip()
                return TrialOutcome(came, "; ".join(wrong), seconds, mb, note)

            yield attempt
        log.removeHandler(handler)

    def rows(self, outcomes: Mapping[str, TrialOutcome]) -> list[Row]:
        whole = {name: outcome for name, outcome in outcomes.items() if name in self.files}
        mutants = {name: outcome for name, outcome in outcomes.items() if name not in self.files}
        sorts = {name.split(" ", 1)[-1] for name in mutants}
        guarded = sum("refused a file:" in outcome.note for outcome in outcomes.values())
        return [
            summary(self.title, whole),
            summary(f"Mutants of {len(sorts)} of them", mutants),
            Row("Refused by the guard around our own parsers alone", f"{guarded:,}"),
        ]


def is_image(path: str, data: bytes) -> bool:
    """Whether a file is of a format that is read here, by its bytes or by its name."""
    return kind(data).readable or kind(data).name in {"DICOM", "NIfTI"} or path.endswith(".dcm")


def suffix_of(name: str) -> str:
    end = Path(name.rpartition("/")[2])
    return "".join(end.suffixes[-2:]) if end.name.endswith(".nii.gz") else end.suffix
