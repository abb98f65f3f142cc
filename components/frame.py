"""The script that every visit runs: navigation on top, the subject in the sidebar, then the view.

It does not stand beside pages/: Streamlit would look for pages there by itself until
st.navigation has run once, and would refuse a deep link that comes first.
"""

from __future__ import annotations

import streamlit as st

from components import jobs
from components.sidebar import subject
from components.views import ROOT, START, VIEWS, View


def page(view: View) -> st.Page:
    """A view as Streamlit's page."""
    return st.Page(
        view.path,
        title=view.title,
        icon=view.icon,
        url_path=view.address or None,
        default=view is START,
    )


st.set_page_config(page_title="Blindspot", page_icon=ROOT / "assets" / "icon.png", layout="wide")
st.html(ROOT / "components" / "theme.css")

menu: dict[str, list[st.Page]] = {}
for one in VIEWS:
    menu.setdefault(one.menu, []).append(page(one))
chosen = st.navigation(menu, position="top")

with st.sidebar:
    subject.draw()
header = st.container(key="jobs")  # theme.css lifts it into the header
try:
    chosen.run()
finally:  # after the page, which may have begun a job, and also where it ends early
    with header:
        jobs.panel()
