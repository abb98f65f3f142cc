"""The parts of Streamlit's page that draw pictures, fetched while the browser starts.

Streamlit's page asks for each kind of element (an image, a chart) when it first draws one, and then
for what that one needs. What draws pictures is named in the header of the page and is there by
then. Plotly, which is asked for at the same moment, keeps a browser busy for more than a second
while it starts, with no picture painted meanwhile: it is handed out a little later. Where a page's
first picture is a chart, Plotly is named in the header too and is not kept waiting.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from streamlit import file_util

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

KINDS = ("Html", "BidiComponent", "ImageList")  # what pictures are drawn with
CHART = "PlotlyChart"
CHARTS_FIRST = ("attribution-experiments", "benchmarks")  # their first picture is a chart
LATER = re.compile(rf"/static/js/{CHART}\.[\w-]+\.js$")
WAIT = 0.6  # seconds, once in each browser, which then has the file
NEEDS = re.compile(r"""\b(?:from|import)\s*["']\./([\w.-]+\.js)["']""")


class Preload:
    """Middleware that adds the header to pages and lets Plotly wait; all else is as it was."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI wants it."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and is_page(message["headers"]):
                header = link_header(chart=chart_first(scope["path"]))
                more = [(b"link", header)] if header else []
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        is_http = scope["type"] == "http"
        if is_http and LATER.search(scope["path"]) and not chart_first(asked_by(scope)):
            await asyncio.sleep(WAIT)
        await self.app(scope, receive, sending if is_http else send)


def chart_first(address: str) -> bool:
    """Whether the address, or its path, is that of a view whose first picture is a chart."""
    return address.partition("?")[0].rstrip("/").rpartition("/")[2] in CHARTS_FIRST


def asked_by(scope: Scope) -> str:
    """The address of what asks for a file; "" where it is not told."""
    return next((value.decode("latin-1") for n, value in scope["headers"] if n == b"referer"), "")


def is_page(headers: list[tuple[bytes, bytes]]) -> bool:
    return any(n.lower() == b"content-type" and v.startswith(b"text/html") for n, v in headers)


@cache
def link_header(static: Path | None = None, *, chart: bool = False) -> bytes:
    """The value of `Link`; "" where Streamlit's files are named in another way."""
    static = static or Path(file_util.get_static_dir())
    kinds = (CHART, *KINDS) if chart else KINDS
    names = sorted(with_imports(static / "static" / "js", kinds) - started(static / "index.html"))
    return ", ".join(f"<./static/js/{name}>; rel=modulepreload" for name in names).encode()


def started(page: Path) -> set[str]:
    return set(re.findall(r"static/js/([\w.-]+\.js)", page.read_text(encoding="utf-8")))


def with_imports(folder: Path, kinds: Sequence[str] = KINDS) -> set[str]:
    """The files of the kinds, and those which they import, to the last."""
    pending = [path.name for kind in kinds for path in folder.glob(f"{kind}.*.js")]
    names: set[str] = set()
    while pending:
        name = pending.pop()
        if name not in names and (folder / name).is_file():
            names.add(name)
            pending += imported(folder / name)
    return names


def imported(path: Path) -> Iterator[str]:
    yield from NEEDS.findall(path.read_text(encoding="utf-8"))
