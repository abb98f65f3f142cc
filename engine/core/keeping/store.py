"""Results kept under the digest of their question: arrays in safetensors, the rest in JSON.

`<digest>.safetensors` is written first and `<digest>.json` last, each under a temporary name and
renamed, so an entry exists when its JSON does. The JSON carries a checksum of the arrays and of
itself: an entry that does not match is removed and computed again. What ships is compressed, as
`<digest>.safetensors.xz` (`shipping.py`). No pickle: a folder of results cannot run code.
Trouble with the disk costs speed, never an answer.
"""

import json
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from shutil import rmtree
from tempfile import NamedTemporaryFile
from time import time
from typing import Any

from platformdirs import user_cache_path

from engine.core.keeping.memory import Memory
from engine.core.keeping.names import as_called
from engine.core.keeping.packing import DAMAGE, Record, StoredAnswer, pack, unpack
from engine.core.keeping.private import FILE, private_folder
from engine.core.keeping.shipping import DAMAGED, compress, decompress
from engine.core.result import Result

log = logging.getLogger(__name__)

MEMORY_BYTES = 512 * 2**20
DISK_BYTES = 4 * 2**30
STRAY_SECONDS = 3600.0  # after which a temporary file is a left-over
TABLE_ROWS = 500  # in a small table kept beside the answers

PART = ".part-"  # how the name of an unfinished file begins
_tables = threading.Lock()


def home() -> Path:
    """Where everything kept lives: $BLINDSPOT_HOME, else the user's cache folder."""
    named = os.environ.get("BLINDSPOT_HOME")
    return Path(named) if named else user_cache_path("blindspot")


class Store:
    """A bounded memory layer over a bounded folder; read-only folders stand behind both."""

    def __init__(
        self,
        folder: Path,
        shipped: tuple[Path, ...] = (),
        memory_bytes: int = MEMORY_BYTES,
        disk_bytes: int = DISK_BYTES,
    ) -> None:
        self.folder = folder
        self.shipped = shipped
        self.memory_bytes = memory_bytes
        self.disk_bytes = disk_bytes
        self._memory: Memory[StoredAnswer] = Memory(memory_bytes, lambda stored: stored.nbytes)
        self._lock = threading.RLock()
        self._since_swept = disk_bytes  # sweep at the first write

    def hold_less(self, memory_bytes: int) -> None:
        """Hold at most so much in memory from now on, where many processes share it."""
        self.memory_bytes = self._memory.room = min(memory_bytes, self.memory_bytes)

    def get(self, digest: str, names: Sequence[str] = ()) -> StoredAnswer | None:
        """What is kept under this name, or None; with names of the reader's own (`names.py`)."""
        called = as_called(digest, names)
        if (stored := self._memory.get(called)) is not None:
            touch(
                *entry_files(self.folder, digest)
            )  # else the most used would be swept off the disk
            return stored
        for folder in (self.folder, *self.shipped):
            if stored := self._read(folder, digest, names):
                self._memory.put(called, stored)
                return stored
        return None

    def put(
        self,
        digest: str,
        result: Result,
        record: Record,
        names: Sequence[str] = (),
        *,
        memory_only: bool = False,
    ) -> StoredAnswer:
        """Keep a result; a full or read-only disk costs the disk copy, not the answer.

        Args:
            digest: its question's name.
            result: what was found.
            record: how.
            names: what a visitor calls classes and files; the disk gets their places only.
            memory_only: whether the disk gets nothing.
        """
        stored_answer = StoredAnswer(dict(result), record)
        text, data = pack(stored_answer, names)
        self._memory.put(as_called(digest, names), stored_answer)
        if memory_only:
            return stored_answer
        try:
            self._write(digest, text, data)
        except OSError as error:
            log.warning("not kept on disk: %s", error)
        return stored_answer

    def forget(self, digest: str) -> None:
        """Drop an entry from memory and disk."""
        for called in self._memory.names():
            if called.partition("-")[0] == digest:
                self._memory.drop(called)
        for path in reversed(entry_files(self.folder, digest)):  # the JSON first: it is the entry
            remove(path)

    def _read(self, folder: Path, digest: str, names: Sequence[str]) -> StoredAnswer | None:
        arrays, record_path = entry_files(folder, digest)
        try:
            text, data = record_path.read_bytes(), read_arrays(arrays)
        except (OSError, *DAMAGED):
            return None
        try:
            stored = unpack(json.loads(text), data, names)
        except DAMAGE as error:
            log.warning("entry %s is damaged and will be computed again: %s", digest, error)
            if folder == self.folder:
                self.forget(digest)
            return None
        if folder == self.folder:
            touch(arrays, record_path)
        return stored

    def _write(self, digest: str, record: Record, data: bytes) -> None:
        text = json.dumps(record, indent=1).encode()
        private_folder(self.folder)
        arrays_path, said_path = entry_files(self.folder, digest)
        write_atomic(arrays_path, data)
        write_atomic(said_path, text)
        with self._lock:
            self._since_swept += len(data) + len(text)
            due = self._since_swept > self.disk_bytes // 20
            if due:
                self._since_swept = 0
        if due:
            self._sweep()

    def _sweep(self) -> None:
        """Remove what was read longest ago until the folder fits, and stray temporary files."""
        sweep_strays(self.folder)
        total = 0
        ages: dict[str, float] = {}
        sizes: dict[str, int] = {}
        for path, age, size in self._files():
            total += size
            ages[path.stem] = max(age, ages.get(path.stem, age))
            sizes[path.stem] = size + sizes.get(path.stem, 0)
        for digest in sorted(ages, key=ages.__getitem__):
            if total <= self.disk_bytes:
                return
            for path in reversed(entry_files(self.folder, digest)):
                remove(path)
            total -= sizes[digest]

    def _files(self) -> Iterator[tuple[Path, float, int]]:
        for path in self.folder.iterdir():
            if not path.name.startswith(PART) and path.suffix in {".safetensors", ".json"}:
                try:
                    facts = path.stat()
                except OSError:
                    continue
                yield path, facts.st_mtime, facts.st_size


def entry_files(folder: Path, digest: str) -> tuple[Path, Path]:
    return folder / f"{digest}.safetensors", folder / f"{digest}.json"


def compressed(arrays: Path) -> Path:
    """Where the arrays of an entry that ships lie instead."""
    return arrays.with_name(f"{arrays.name}.xz")


def read_arrays(path: Path) -> bytes:
    """The file of arrays, compressed or not."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return decompress(compressed(path).read_bytes())


def shrink(folder: Path) -> None:
    """Compress the arrays of a folder that ships."""
    for path in folder.glob("*.safetensors"):
        write_atomic(compressed(path), compress(path.read_bytes()))
        remove(path)


def touch(*paths: Path) -> None:
    """Mark as read now; a folder that forbids it is no reason to fail."""
    for path in paths:
        try:
            os.utime(path)
        except OSError:
            log.debug("could not touch %s", path)


def remove(path: Path) -> None:
    """The file is gone, or stays where the folder forbids it."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("could not remove %s: %s", path, error)


def write_atomic(path: Path, data: bytes) -> None:
    """The file appears whole or not at all, for its owner alone."""
    # in the same folder: a rename is atomic within one file system only
    with NamedTemporaryFile(dir=path.parent, prefix=PART, delete=False) as handle:
        temporary = Path(handle.name)
        try:
            handle.write(data)
            handle.close()
            temporary.chmod(FILE)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def sweep_strays(root: Path, *, ours: bool = True) -> None:
    """Remove what killed processes left half-written.

    Args:
        root: where to look.
        ours: whether all of the folder is ours; else only files that lie directly in it and have
            a temporary file's name go, for a person may have something there.
    """
    look = root.rglob(f"{PART}*") if ours else root.glob(f"{PART}????????")
    for path in [*look] if root.is_dir() else ():
        try:
            old = time() - path.lstat().st_mtime > STRAY_SECONDS
        except OSError:  # it is gone
            continue
        if old and path.is_dir() and not path.is_symlink():
            if ours:
                rmtree(path, ignore_errors=True)
        elif old:
            remove(path)


def read_table(path: Path) -> dict[str, Any]:
    """A small table kept as JSON; a missing or damaged one counts as empty."""
    try:
        table = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return table if isinstance(table, dict) else {}


def keep_row(path: Path, key: str, value: Any) -> None:
    """Put one row last into the table, and let the oldest go; without a disk nothing is kept."""
    with _tables:
        table = read_table(path)
        table.pop(key, None)
        table[key] = value
        rows = dict(list(table.items())[-TABLE_ROWS:])
        try:
            private_folder(path.parent)
            write_atomic(path, json.dumps(rows, indent=1).encode())
        except OSError as error:
            log.warning("%s not kept: %s", path.name, error)
