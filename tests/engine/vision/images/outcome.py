"""What becomes of a file: a whole picture, or a refusal in one sentence that repeats no secret."""

import numpy as np
import pytest

from engine.core.errors import BadImage
from engine.vision.images import Picture, load
from tests.scans import SECRETS


def sentence(error, name):
    message = str(error)
    assert message.startswith(f"“{name}” ")
    assert message.endswith(".")
    assert "\n" not in message
    assert ". " not in message.replace(name, "")  # one sentence
    assert not any(secret in message for secret in SECRETS)
    assert error.__context__ is None  # nothing of a library's error goes with it
    return message


def refusal(data, name="a.png"):
    with pytest.raises(BadImage) as caught:
        load(data, name)
    return sentence(caught.value, name)


def is_read(data, name):
    try:
        opened = load(data, name)
        picture = opened if isinstance(opened, Picture) else opened.picture()
    except BadImage as error:
        sentence(error, name)
        return False
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.ndim == 3
    assert picture.pixels.shape[2] == 3
    assert picture.pixels.size
    return True


def reads_of_changed(whole, name, first, last, seed):
    """How many of 400 files are read in which some bytes of a stretch were changed."""
    rng, reads = np.random.default_rng(seed), 0
    for _ in range(400):
        changed = bytearray(whole)
        for at in rng.integers(first, last, rng.integers(1, 6)):
            changed[at] = rng.choice([0, 1, 127, 128, 255, rng.integers(256)])
        reads += is_read(bytes(changed), name)
    return reads


def counts(folder, name):
    """How many files of a folder are read, and how many refused."""
    files = [path for path in sorted(folder.rglob("*")) if "__pycache__" not in path.parts]
    results = [is_read(path.read_bytes(), name) for path in files if path.is_file()]
    return sum(results), len(results) - sum(results)
