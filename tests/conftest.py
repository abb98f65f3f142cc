"""Every test has a cache folder of its own; nothing is read from or written to the user's."""

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

import engine  # noqa: F401 - before torch: it settles how threads wait
from tests import homes, measured, order, sharing, thorough  # it settles threads, before torch too

settings.register_profile("house", deadline=None)  # nothing is asserted about time
settings.load_profile("house")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files take turns, each as it is; tests that take long are marked."""
    thorough.mark(items)
    places = order.in_turn([item.path for item in items])
    items.sort(key=lambda item: places[item.path])


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end, so no collection looks through it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """BLINDSPOT_HOME for this run."""
    folder = homes.furnish(tmp_path_factory.mktemp("blindspot"))
    of_run = tmp_path_factory.getbasetemp()
    homes.share_data(folder, of_run.parent if sharing.SIDE_BY_SIDE > 1 else of_run)
    before = os.environ.get("BLINDSPOT_HOME")
    os.environ["BLINDSPOT_HOME"] = str(folder)
    yield folder
    if before is None:
        del os.environ["BLINDSPOT_HOME"]
    else:
        os.environ["BLINDSPOT_HOME"] = before


@pytest.fixture(autouse=True, scope="session")
def given_paces() -> Iterator[None]:
    """No test tries paces, or compiles a model beside it, unless it is about that."""
    from tests import paces  # here, because it imports torch

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paces.pace, "try_paces", paces.fixed_pace)
        patch.setenv("CXX", "")  # servers and processes that tests start inherit it
        yield


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """BLINDSPOT_HOME for one test: no stored models, answers or unfinished trainings."""
    monkeypatch.setenv("BLINDSPOT_HOME", str(tmp_path))
    return tmp_path


figures: dict[str, str] = {}


@pytest.fixture
def measure() -> Callable[[str, str], None]:
    """Keep a figure: measure("what", "how much"). Only slow tests should."""
    return figures.__setitem__


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Figures that slow tests kept go into docs/measured.md."""
    if figures and "slow" in session.config.option.markexpr.split("not slow")[0]:
        measured.write(figures)
