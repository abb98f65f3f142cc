"""A page of one function, run without a browser."""

from streamlit.testing.v1 import AppTest


def script(draw, arguments):
    draw(*arguments)


def page_of(draw, *arguments, link=None, **session) -> AppTest:
    """The page that a function draws, after its first run."""
    at = AppTest.from_function(script, default_timeout=120, args=(draw, arguments))
    at.query_params.update(link or {})
    for name, value in session.items():
        at.session_state[name] = value
    at.run()
    assert not at.exception
    return at
