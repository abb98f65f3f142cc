"""The grid of a sweep: its filters stand in a link, but for classes that a visitor named."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from components.sweep import grid


def drawn(linked):
    from components.sweep import grid
    from tests.engine.sweep.test_choosing import ROWS

    grid.show(ROWS, linked=linked)


@pytest.mark.parametrize("linked", [True, False])
def test_a_link_has_no_class_that_a_visitor_named(linked, monkeypatch):
    monkeypatch.setattr(grid.st, "page_link", lambda *_, **__: None)  # there are no other pages
    at = AppTest.from_function(drawn, args=(linked,), default_timeout=30).run()
    at.selectbox(key="sweep.only.predicted class").select("5").run()
    assert not at.exception
    assert any("2 of 4 answers" in caption.value for caption in at.caption)
    assert bool(at.selectbox(key="sweep.only.predicted class").proto.query_param_key) is linked
