"""What is loaded before the server listens, and which files a page names."""

import logging
import re
import threading
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from components import preload, ready, views
from components.preload import Preload, link_header, with_imports
from components.sidebar import thumbnails
from components.views import DECODING, VIEWS
from engine.core.errors import BadModel
from engine.vision.models import catalog


def test_the_modules_of_every_view_s_page_are_ours_and_are_found():
    results = {view.address: list(ready.imported(view)) for view in VIEWS}
    assert all(results.values())
    assert "components.decoding" in results[DECODING.address]


@pytest.mark.parametrize(
    ("error", "level"),
    [(BadModel("It is not here."), logging.WARNING), (OSError("It is not here."), logging.ERROR)],
)
def test_without_the_default_model_the_server_starts_and_its_log_says_why(
    monkeypatch, caplog, error, level
):
    def gone():
        raise error

    monkeypatch.setattr(catalog, "load", gone)
    ready.load()
    in_a_thread(ready.go_on)
    first, second = [record for record in caplog.records if record.name == ready.__name__]
    assert (first.levelno, second.levelno) == (level, level)
    assert "loaded" in first.getMessage()
    assert "measured" in second.getMessage()
    assert caplog.text.count("It is not here.") == 2


@pytest.fixture
def model(monkeypatch):
    """The model that the server loads, of which nothing is measured yet."""
    default_model = catalog.load()
    monkeypatch.setattr(default_model, "_paces", {})
    monkeypatch.setattr(catalog, "load", lambda: default_model)
    return default_model


def test_without_thumbnails_the_model_is_measured_all_the_same(model, monkeypatch, caplog):
    def broken(_title):
        raise OSError("no room")

    monkeypatch.setattr(ready, "thumb", broken)
    in_a_thread(ready.go_on)
    assert "no room" in caplog.text
    assert set(model._paces) == {"exact", "gradient"}


def test_what_comes_beside_the_visits_leaves_nothing_of_the_model_to_them(model, monkeypatch):
    titles = []
    monkeypatch.setattr(ready, "thumb", titles.append)
    in_a_thread(ready.go_on)
    assert set(model._paces) == {"exact", "gradient"}
    assert titles == [sample.title for sample in thumbnails.SAMPLES]


def in_a_thread(work) -> None:
    """As the app does it: the thread goes last from then on, and ends."""
    errors: list[BaseException] = []

    def run():
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - told below
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert not errors


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
    assert "link" not in client.get("/text").headers  # which is no page


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
        headers = {"referer": address.encode()}
        assert client.get(f"/static/js/{late[0]}", headers=headers).text == "c"
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
    (folder / "index.html").write_text("")  # where Streamlit names its files otherwise
    assert link_header(folder) == b""
