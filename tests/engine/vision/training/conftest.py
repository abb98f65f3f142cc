"""Stripes to learn from, and trainings that are interrupted."""

import pytest

from engine.core.errors import Cancelled
from engine.vision.training import loop
from tests.engine.vision.training.test_loop import striped


@pytest.fixture(scope="module")
def data():
    return striped()


@pytest.fixture
def reporting(monkeypatch):
    """Trainings report after each step."""
    monkeypatch.setattr(loop, "REPORT_SECONDS", 0.0)


@pytest.fixture
def interrupted(reporting):
    """Cancel a training beyond a share of it, or at one of its reports; the shares reported."""

    def interrupt(training, *arguments, beyond=-1.0, calls=1, **named):
        shares = []

        def stop(done, words="", partial=None):
            shares.append(done)
            if done > beyond and len(shares) >= calls:
                raise Cancelled("enough")

        with pytest.raises(Cancelled):
            training(*arguments, **named, progress=stop)
        return shares

    return interrupt
