"""A component is registered once, from the files beside its Python."""

from __future__ import annotations

import streamlit as st

from components.widgets.mounting import mounted


def test_a_component_has_the_name_style_and_scripts_of_its_file(tmp_path, monkeypatch):
    registered = []
    monkeypatch.setattr(
        st.components.v2, "component", lambda name, **files: registered.append((name, files))
    )
    for name, text in {"dial.css": "a {}", "dial.js": "1;", "b.js": "2;", "c.js": "3;"}.items():
        (tmp_path / name).write_text(text)
    file = str(tmp_path / "dial.py")
    for _ in range(2):
        mounted(file)
        mounted(file, "c.js", "b.js")
    assert registered == [
        ("blindspot_dial", {"css": "a {}", "js": "1;"}),
        ("blindspot_dial", {"css": "a {}", "js": "3;\n2;"}),
    ]
