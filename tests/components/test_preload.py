"""Pages name the files that pictures need; nothing else is changed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from components import preload, views
from components.preload import Preload, link_header, with_imports


@pytest.fixture
def client():
    """A page and a text behind it."""
    routes = [
        Route("/page", lambda _: HTMLResponse("<p>a</p>")),
        Route("/benchmarks", lambda _: HTMLResponse("<p>a</p>")),
        Route("/text", lambda _: PlainTextResponse("b")),
        Route("/static/js/{name}", lambda _: PlainTextResponse("c")),
    ]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(Preload)]))


def test_a_page_names_streamlit_s_files_for_pictures_and_they_exist(client):
    from streamlit import file_util

    answer = client.get("/page")
    assert answer.text == "<p>a</p>"
    names = re.findall(r"<\./static/js/([\w.-]+)>; rel=modulepreload", answer.headers["link"])
    folder = f"{file_util.get_static_dir()}/static/js"
    assert len(names) == answer.headers["link"].count("<")
    assert all(open(f"{folder}/{name}").read(1) for name in names)  # noqa: SIM115, PTH123
    assert {"Html", "BidiComponent", "ImageList"} <= {name.partition(".")[0] for name in names}
    assert not any(name.startswith("Plotly") for name in names)


def test_what_is_no_page_gets_no_header(client):
    assert "link" not in client.get("/text").headers


@pytest.fixture
def waited(monkeypatch):
    """Seconds that files were kept waiting."""
    results = []

    async def sleep(seconds):
        results.append(seconds)

    monkeypatch.setattr(preload.asyncio, "sleep", sleep)
    return results


def test_plotly_alone_is_handed_out_later(client, waited):
    from streamlit import file_util

    names = [path.name for path in Path(file_util.get_static_dir(), "static/js").glob("*.js")]
    late = [name for name in names if name.startswith("PlotlyChart.")]
    assert len(late) == 1  # else Streamlit names it in another way now
    for name in (*late, "Html.a1.js", "PlotlyChartTheme.b2.js"):
        assert client.get(f"/static/js/{name}").text == "c"
    assert waited == [preload.WAIT]


def test_a_view_whose_first_picture_is_a_chart_names_plotly_and_does_not_wait(client, waited):
    named = re.findall(r"js/([\w.-]+)>", client.get("/benchmarks").headers["link"])
    late = [name for name in named if name.startswith("PlotlyChart.")]
    assert len(late) == 1
    for address in ("http://testserver/benchmarks?x=1", "http://testserver/behind/a/benchmarks/"):
        assert client.get(f"/static/js/{late[0]}", headers={"referer": address}).text == "c"
    assert not waited
    client.get(f"/static/js/{late[0]}", headers={"referer": "http://testserver/prune"})
    assert waited == [preload.WAIT]
    for address in ("http://[", "//a]b", "\u2100"):  # no address at all
        assert (
            client.get(f"/static/js/{late[0]}", headers={"referer": address.encode()}).text == "c"
        )
        assert not preload.chart_first(address)
    assert set(preload.CHARTS_FIRST) <= {view.address for view in views.VIEWS}


def test_what_a_file_imports_is_named_and_what_the_page_names_itself_is_not(tmp_path):
    folder = tmp_path / "static" / "js"
    folder.mkdir(parents=True)
    (folder / "Html.a1.js").write_text('import{a}from"./b.x.js";import"./main.js";import("./c.js")')
    (folder / "b.x.js").write_text('export{z}from"./Html.a1.js"')  # a circle
    (folder / "main.js").write_text("")
    (tmp_path / "index.html").write_text('<script src="./static/js/main.js"></script>')
    assert with_imports(folder) == {"Html.a1.js", "b.x.js", "main.js"}
    assert link_header(tmp_path) == (
        b"<./static/js/Html.a1.js>; rel=modulepreload, <./static/js/b.x.js>; rel=modulepreload"
    )


def test_where_streamlit_names_its_files_otherwise_nothing_is_named(tmp_path):
    (tmp_path / "index.html").write_text("")
    assert link_header(tmp_path) == b""
