"""Refuse in words where PyTorch cannot follow a model's pixels."""

from collections.abc import Iterator
from contextlib import contextmanager

from engine.core.errors import DoesNotFit


@contextmanager
def differentiated(refusal: DoesNotFit) -> Iterator[None]:
    """Raise `refusal` when the network gives its pixels to another library, such as onnxruntime.

    Raises:
        DoesNotFit: PyTorch cannot follow them there.
    """
    try:
        yield
    except RuntimeError as error:
        if "requires grad" not in str(error):
            raise
        raise refusal from error
