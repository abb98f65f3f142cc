"""Trainings that are interrupted."""

import pytest

from engine.core.errors import Cancelled
from engine.vision.training import loop


@pytest.fixture
def reporting(monkeypatch):
    """Trainings report after each step."""
    monkeypatch.setattr(loop, "REPORT_SECONDS", 0.0)


@pytest.fixture
def interrupted(reporting):
    """Stop a training beyond a share of it, or at one of its reports; the shares reported."""

    def interrupt(training, *arguments, beyond=-1.0, calls=1, error=Cancelled, **named):
        shares = []

        def stop(done, words="", partial=None):
            shares.append(done)
            if done > beyond and len(shares) >= calls:
                raise error("enough")

        with pytest.raises(error):
            training(*arguments, **named, progress=stop)
        return shares

    return interrupt
