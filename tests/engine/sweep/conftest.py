"""A home of its own for each sweep, and a plan on a few digits."""

from contextlib import suppress

import pytest

from engine.core import run
from engine.core.keeping.store import PART, Store
from engine.core.run import GALLERY
from engine.sweep.images import SweepImage
from engine.sweep.plan import SweepPlan

METHODS = ("attribution.GradCam", "attribution.Occlusion")
SIDES = {METHODS[1]: {"side": ("2", "3")}}


@pytest.fixture
def at_home(tmp_path, monkeypatch):
    """Begin anew in an empty home; its name."""

    def move(name="home"):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        fresh = Store(folder / "answers", shipped=(GALLERY,))
        monkeypatch.setenv("BLINDSPOT_HOME", str(folder))
        monkeypatch.setattr(run, "store", lambda: fresh)
        return folder

    return move


@pytest.fixture
def digits():
    """A plan of three answers for each of some digits."""

    def of(count):
        images = [SweepImage(f"example:digits/{n}", f"digits/{n}") for n in range(count)]
        return SweepPlan(METHODS, {"model": ("digits-cnn",)}, SIDES, tuple(images))

    return of


def entries(home):
    """The files of kept answers by name."""
    results = {}
    for path in (home / "answers").iterdir():
        if not path.name.startswith(PART):
            with suppress(FileNotFoundError):  # swept or renamed meanwhile
                results[path.name] = path.read_bytes()
    return results


def arrays(home):
    """Those with the numbers."""
    return {name: data for name, data in entries(home).items() if name.endswith(".safetensors")}
