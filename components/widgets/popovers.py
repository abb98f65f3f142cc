"""Popovers and the keyboard: what is opened with a key takes the focus (see popovers.js)."""

from components.widgets.mounting import mounted


def take_focus() -> None:
    """From now on, in this tab of the browser; once for each page is enough."""
    mounted(__file__)(key="popovers")
