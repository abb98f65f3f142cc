"""The stories that there are."""

from components.stories import cat, forgetting, lesion
from components.stories.step import Story

STORIES: tuple[Story, ...] = (cat.STORY, lesion.STORY, forgetting.STORY)


def story(name: str) -> Story | None:
    return next((candidate for candidate in STORIES if candidate.name == name), None)
