"""What is kept at home is for its owner's eyes: folders are 0700 and files 0600, as with ssh."""

import logging
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

FOLDER, FILE = 0o700, 0o600
OTHERS = 0o077  # what the group and everybody else may do
ROOMS = ("answers", "claims", "compiled", "data", "models", "sweeps", "training")
TABLES = ("paces.json", "seconds.json")


def private_folder(path: Path) -> Path:
    """The folder, made with those above it for its owner alone. Raises OSError."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=FOLDER, exist_ok=True)
        folder.chmod(FOLDER)  # whatever the umask took away
    return path


def mend(home: Path) -> None:
    """Take from others what older versions let them do with what is ours at home.

    Home itself, and the rooms and tables that are made here: somebody may have named a folder as
    home in which other things lie too. One with a sticky bit, such as /tmp, is everybody's.
    Home is made where there is none, before a library makes it for everybody.
    """
    with suppress(OSError):  # a disk that is read-only
        private_folder(home)
    if home.is_dir() and not home.stat().st_mode & stat.S_ISVTX:
        for path in (home, *kept_files(home)):
            try:
                close_to_others(path)
            except OSError as error:
                log.warning("others may read %s: %s", path.name, error)


def kept_files(home: Path) -> Iterator[Path]:
    """All that is kept here, but for home itself; links are not followed."""
    yield from (home / name for name in (*ROOMS, *TABLES) if (home / name).exists())
    for room in ROOMS:
        if (home / room).is_symlink():
            continue
        for folder, folders, files in os.walk(home / room):
            yield from (Path(folder, name) for name in (*folders, *files))


def close_to_others(path: Path) -> None:
    """Take their rights from a file or folder of ours. Raises OSError."""
    facts = path.lstat()
    ours = facts.st_uid == getattr(os, "geteuid", lambda: facts.st_uid)()
    if ours and facts.st_mode & OTHERS and not stat.S_ISLNK(facts.st_mode):
        path.chmod(stat.S_IMODE(facts.st_mode) & ~OTHERS)
