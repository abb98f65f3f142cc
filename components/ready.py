"""What every visitor needs is loaded before the server listens; the rest beside the first visits.

Otherwise the first visitor would wait for it, with a page that is half drawn.
"""

import ast
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from components.sidebar.thumbnails import thumb
from components.views import VIEWS, AppPage
from engine.core.errors import BlindspotError
from engine.core.process import release, step_back
from engine.vision.images.samples import SAMPLES
from engine.vision.models import catalog

log = logging.getLogger(__name__)


def load() -> None:
    """The modules of all views, and the default model where it can be loaded."""
    import_module("components.report.page")  # of the frame
    for view in VIEWS:
        for name in imported(view):
            import_module(name)
    with logged("The default model could not be loaded"):
        catalog.load().fingerprint  # noqa: B018 - it is kept


@contextmanager
def logged(failure: str) -> Iterator[None]:
    """Log what goes wrong and go on: the page that needs it fails again and says so itself."""
    try:
        yield
    except BlindspotError as error:
        log.warning("%s: %s", failure, error)
    except Exception:
        log.exception(failure)


def imported(view: AppPage) -> Iterator[str]:
    for node in ast.parse(view.path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def go_on() -> None:
    """Thumbnails of the samples and the model's best batch sizes; whoever asks goes first."""
    step_back()
    with logged("The thumbnails of the samples could not be made"):
        for sample in SAMPLES:
            thumb(sample.title)
    with logged("The default model's batch sizes could not be measured"):
        model = catalog.load()
        model.pace("exact")
        model.pace("gradient")
    release()
