"""A play button for a slider whose every step is drawn by a run of the page.

The path player (player.py) has all its images in the browser. Here the browser only asks for the
next step, once the one before is drawn.
"""

import streamlit as st

from components.widgets.mounting import mounted


def play_steps(
    label: str, at: int, last: int, key: str, slider: str, *, drawn: bool = True
) -> None:
    """Draw the button. Call it after all that the step draws, so that nothing is overtaken.

    It stops at the last step, when it is pressed again, and when the person moves to another step;
    from the last step it begins at 0. Where less motion is asked for, a step stays longer.

    Args:
        label: what is played, after "Play".
        at: the step that is drawn, from 0.
        last: the last step.
        key: of the widget.
        slider: key of the slider that it moves, whose words are the steps' numbers.
        drawn: whether the step stands whole; the next one waits for it, and so does Play.
    """

    def asked() -> None:
        """Move the slider, unless the person has moved it while the step was asked for."""
        match st.session_state[key]["step"]:  # it may be anything
            case {"from": int(before), "to": int(step)} if (
                type(step) is int
                and 0 <= step <= last
                and st.session_state.get(slider) == str(before)
            ):
                st.session_state[slider] = str(step)

    payload = {"label": label, "at": at, "last": last, "drawn": drawn}
    mounted(__file__)(data=payload, key=key, on_step_change=asked, width="content")
