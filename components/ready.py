"""What every visitor needs is loaded before the server listens; the rest beside the first visits.

Otherwise the first visitor would wait for it, with a page that is half drawn.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module

from components.sidebar.thumbnails import thumb
from components.views import VIEWS, AppPage
from engine.errors import BlindspotError
from engine.images.samples import SAMPLES
from engine.models import catalog
from engine.process import release, step_back


def load() -> None:
    """The modules of all views and the default model, where it can be had."""
    import_module("components.report.page")  # of the frame
    for view in VIEWS:
        for name in imported(view):
            import_module(name)
    with suppress(BlindspotError):
        catalog.load().fingerprint  # noqa: B018 - it is kept


def imported(view: AppPage) -> Iterator[str]:
    """Modules of ours that a view's page imports."""
    for node in ast.parse(view.path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def go_on() -> None:
    """Small pictures of the samples and the model's best batch sizes; whoever asks goes first."""
    step_back()
    for one in SAMPLES:
        thumb(one.title)
    with suppress(BlindspotError):
        model = catalog.load()
        model.pace("exact")
        model.pace("gradient")
    release()
