"""The script that every visit runs: navigation on top, then the view, which draws its sidebar.

It does not stand beside pages/: Streamlit would look for pages there by itself until
st.navigation has run once, and would refuse a deep link that comes first.
"""

import streamlit as st

from components import jobs, links, login, notices, presence, runs, sharing
from components.footer import footer
from components.report import page as tray_page
from components.report import tray
from components.sidebar.held import hold
from components.views import ROOT, START, STORIES, VIEWS, AppPage
from components.widgets import popovers, uploaders


def page(view: AppPage) -> st.Page:
    return st.Page(
        view.path,
        title=view.title,
        icon=view.icon,
        url_path=view.address or None,
        default=view is START,
    )


def mark(menu_title: str, titles: list[str]) -> None:
    """Underline the open view's question; Streamlit marks the view only inside the folded menu."""
    place = titles.index(menu_title) + 1
    section = f"[data-testid='stTopNav'] > :nth-child({place}) [data-testid='stTopNavSection']"
    st.html(f"<style>{section} {{ box-shadow: inset 0 -3px; border-radius: 0 }}</style>")


st.set_page_config(page_title="Blindspot", page_icon=ROOT / "assets" / "icon.png", layout="wide")
st.html(ROOT / "components" / "theme.css")
login.require()
links.bound()
presence.arrive()
sharing.begin()

tray.begin()
menu: dict[str, list[st.Page]] = {}
for view_page in VIEWS:
    menu.setdefault(view_page.menu, []).append(page(view_page))
chosen = st.navigation(menu, position="top")
mark(next(view.menu for view in VIEWS if view.address == chosen.url_path), list(menu))
links.say_bound(chosen.url_path)

runs.visit().open_view(chosen.url_path)
header = st.container(
    key="jobs", horizontal=True, vertical_alignment="center"
)  # theme.css lifts it into the header
try:
    with hold(chosen.url_path), footer():
        chosen.run()
finally:  # after the page, which may have begun a job, and also where it ends early
    notices.research_use_only()
    if chosen.url_path != STORIES.address:  # where nothing is computed
        with header:
            tray_page.tray_link()
            jobs.jobs_button()
            login.logout_button()
    sharing.finish_page()
    popovers.take_focus()
    uploaders.give_again()
