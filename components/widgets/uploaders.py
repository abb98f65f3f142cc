"""Uploaders: a file that Streamlit lost on its way is given again (see uploaders.js)."""

from components.widgets.mounting import mounted


def give_again() -> None:
    """From now on, in this tab of the browser; once for each page is enough."""
    mounted(__file__)(key="uploaders")
