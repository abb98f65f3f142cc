"""Stories: answers that ship, shown one after another to a room."""

from components.stories.entry import links

__all__ = ["links"]
