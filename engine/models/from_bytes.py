"""Weights of one's own from the bytes of a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from engine.models import rebuild
from engine.models.catalog import load_from_file
from engine.models.classifier import Classifier
from engine.models.own_file import open_alike, open_model, read_labels


def open_bytes(
    content: bytes, called: str, architecture: str = "", like: Classifier | None = None,
    labels: Sequence[str] = (),
) -> Classifier:  # fmt: skip
    """A model from a file's bytes: with a card, alike to another, or for an architecture of timm's.

    Raises:
        BadModel: see `own_file`.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder, called)
        path.write_bytes(content)
        if like is not None:
            return open_alike(path, like)
        if labels and not describes_itself(content, called):
            named = Path(folder, "labels.txt")
            named.write_text("\n".join(labels), encoding="utf-8")
            return load_from_file(path, architecture, named)
        return open_model(path, architecture)


def describes_itself(content: bytes, called: str) -> bool:
    """Whether a file has a card. Raises BadModel for a damaged one."""
    with TemporaryDirectory() as folder:
        path = Path(folder, called)
        path.write_bytes(content)
        return rebuild.has_card(path)


def labels_of(content: bytes, called: str) -> tuple[str, ...]:
    """The labels of a file. Raises BadModel."""
    with TemporaryDirectory() as folder:
        path = Path(folder, called)
        path.write_bytes(content)
        return read_labels(path)
