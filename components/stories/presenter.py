"""The bar below a step: where one is, the way on and back, the note, and the way to the view.

Keys, dots and a second window with the notes are the browser's (presenter.js); Python is told the
number of the step that is wanted.
"""

from collections.abc import Callable
from typing import Any

import streamlit as st

from components.stories.step import Story
from components.widgets.mounting import mounted

KEY = "stories.bar"


def presenter(
    story: Story,
    at: int,
    on_move: Callable[[Any], None],
    on_leave: Callable[[], None],
    *,
    notes: bool,
) -> None:
    """Draw the bar."""
    step = story.steps[at - 1]
    mounted(__file__)(
        key=KEY,
        data={
            "story": story.name,
            "title": story.title,
            "steps": [step.title for step in story.steps],
            "at": at,
            "note": step.note,
            "open": step.address,
            "notes": notes,
        },
        on_move_change=lambda: on_move(st.session_state[KEY]["move"]),
        on_leave_change=on_leave,
    )
