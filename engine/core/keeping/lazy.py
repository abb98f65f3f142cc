"""A property that is found once for each object, and for which nobody waits but those who ask."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    lazy = cached_property
else:

    class lazy(cached_property):  # noqa: N801  # it is written as a decorator
        """`functools.cached_property` as it is from Python 3.12 on.

        Before, one lock was held for all objects of a class, so that one person's slow question
        about one model made everybody wait who asked the same of another. Two who ask for the same
        at once may both find it.
        """

        def __get__(self, instance: Any, owner: type[Any] | None = None) -> Any:
            """The value, found at the first time."""
            if instance is None:
                return self
            attributes = vars(instance)
            if self.attrname not in attributes:
                attributes[self.attrname] = self.func(instance)
            return attributes[self.attrname]


__all__ = ["lazy"]
