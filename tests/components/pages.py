"""A page of one function, run without a browser."""

from streamlit.testing.v1 import AppTest

from tests.opening import Page


def script(draw, arguments):
    draw(*arguments)


def page_of(draw, *arguments, link=None, **session) -> AppTest:
    """The page that a function draws, after its first run."""
    at = Page.from_function(script, default_timeout=120, args=(draw, arguments))
    at.query_params.update(link or {})
    for name, value in session.items():
        at.session_state[name] = value
    return at.run()
