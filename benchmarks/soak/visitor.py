"""A visitor without a browser: speaks Streamlit's protocol over a websocket, on this machine only.

What a page says comes back as text, so that pages can be compared.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from time import perf_counter
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileURLsRequest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

LOCAL_HOSTS = {"127.0.0.1", "localhost"}
LARGEST = 200 * 2**20  # bytes of a message
PATIENCE = 240.0  # seconds for a page
COOKIE = "_streamlit_xsrf"
AGAIN = ForwardMsg.FINISHED_EARLY_FOR_RERUN  # the page is run once more by itself


@dataclass(frozen=True)
class LinkedWidget:
    """A widget whose value is in the link.

    Args:
        kind: Streamlit's name of it.
        label: as a person reads it.
        options: the words that it offers.
        default: what it has at first.
        shown: what the page sets it to, where that is something else.
        ends: of a number: the lowest, the highest, and the step.
    """

    kind: str
    label: str
    options: tuple[str, ...]
    default: tuple[str, ...]
    shown: tuple[str, ...]
    ends: tuple[float, ...] = ()


@dataclass
class PageRun:
    """What one run of a page sent.

    Args:
        seconds: from the request to the end of the script.
        texts: headings, Markdown, HTML, captions and messages, in the order in which they came.
        widgets: ids of widgets by the end of the key that the house gave them.
        bytes: of all messages.
        linked: widgets that are bound to the link, by their name in it.
        folds: ids of what is built when it is unfolded.
        traces: errors that are shown with their trace.
    """

    seconds: float = 0.0
    texts: list[str] = field(default_factory=list)
    widgets: dict[str, str] = field(default_factory=dict)
    bytes: int = 0
    linked: dict[str, LinkedWidget] = field(default_factory=dict)
    folds: list[str] = field(default_factory=list)
    traces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All that it says."""
        return "\n".join(self.texts)


@dataclass
class Visitor:
    """A session of the app.

    Args:
        url: of the server; refused when it is not this machine.
        socket: the open connection.
        token: against forged requests, as a browser has it in its cookie.
    """

    url: str
    socket: ClientConnection
    token: str
    session: str = ""
    query: str = ""
    page: str = ""
    states: dict[str, dict[str, Any]] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)  # of pages, by their addresses

    @classmethod
    async def arrive(cls, url: str) -> Visitor:
        """Open a session. Raises ValueError for another machine than this one."""
        place = urlsplit(url)
        if place.hostname not in LOCAL_HOSTS:
            raise ValueError("only servers on this machine are asked")
        token = await asyncio.to_thread(forgery_token, place.netloc)
        socket = await connect(
            f"ws://{place.netloc}/_stcore/stream",
            max_size=LARGEST,
            open_timeout=60,
            subprotocols=["streamlit", token],
            additional_headers={"Cookie": f"{COOKIE}={token}"},
            ping_interval=None,
        )
        return cls(url, socket, token)

    async def open(self, address: str, link: Mapping[str, Any] | None = None) -> PageRun:
        """Follow a link to a view, as a click in the menu does: widgets begin anew."""
        self.query, self.page = urlencode(link or {}, doseq=True), address
        self.states.clear()
        return await self.run()

    async def set(self, key: str, page_run: PageRun, **value: Any) -> PageRun:
        """Give a widget a value and run the page: set("k", page_run, int_value=3).

        Args:
            key: of the widget, or how it ends.
            page_run: the page that has it.
            value: a field of Streamlit's WidgetState.
        """
        self.states[widget(page_run, key)] = value
        result = await self.run()
        for trigger in [name for name, state in self.states.items() if "trigger_value" in state]:
            del self.states[trigger]
        return result

    async def run(self) -> PageRun:
        """Run the page as it stands."""
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.context_info.timezone = self.query, "UTC"
        state.context_info.url = f"{self.url}/{self.page}"
        state.page_name = self.page
        state.page_script_hash = self.hashes.get(self.page, "")
        for widget_id, value in self.states.items():
            put(state.widget_states.widgets.add(id=widget_id), value)
        begun = perf_counter()
        await self.socket.send(message.SerializeToString())
        async with asyncio.timeout(PATIENCE):
            page_run = await self.listen()
        page_run.seconds = perf_counter() - begun
        return page_run

    async def listen(self) -> PageRun:
        """Everything until the script has finished."""
        page_run = PageRun()
        while True:
            data = await self.socket.recv(decode=False)
            page_run.bytes += len(data)
            message = ForwardMsg.FromString(data)
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self.session = message.new_session.initialize.session_id
                page_run.texts.clear()
                page_run.widgets.clear()
                page_run.linked.clear()
                page_run.folds.clear()
            elif kind == "navigation":
                pages = message.navigation.app_pages
                self.hashes |= {page.url_pathname: page.page_script_hash for page in pages}
            elif kind == "page_info_changed":
                self.query = message.page_info_changed.query_string
            elif kind == "delta":
                note(message, page_run)
            elif kind == "script_finished" and message.script_finished != AGAIN:
                return page_run

    async def upload(self, key: str, page_run: PageRun, name: str, content: bytes) -> PageRun:
        """Give a file to an uploader."""
        request = FileURLsRequest(
            request_id=uuid4().hex, file_names=[name], session_id=self.session
        )
        await self.socket.send(BackMsg(file_urls_request=request).SerializeToString())
        while True:
            message = ForwardMsg.FromString(await self.socket.recv(decode=False))
            if message.WhichOneof("type") == "file_urls_response":
                break
        urls = message.file_urls_response.file_urls[0]
        await asyncio.to_thread(self.put, urls.upload_url, name, content)
        file_state = {
            "file_id": urls.file_id,
            "name": name,
            "size": len(content),
            "file_urls": urls,
        }
        return await self.set(key, page_run, file_uploader_state_value=file_state)

    def put(self, path: str, name: str, content: bytes) -> None:
        """Send the file. Raises ConnectionError when the server does not take it."""
        border = uuid4().hex
        head = (
            f'--{border}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        )
        body = head.encode() + content + f"\r\n--{border}--\r\n".encode()
        headers = {
            "Content-Type": f"multipart/form-data; boundary={border}",
            "Cookie": f"{COOKIE}={self.token}",
            "X-Xsrftoken": self.token,
        }
        status, _ = http_request(urlsplit(self.url).netloc, path, "PUT", body, headers)
        if status != 204:
            raise ConnectionError(f"the upload of {name} was answered by {status}")

    async def leave(self) -> None:
        """Close the tab."""
        await self.socket.close()


def put(widget_state: Any, value: dict[str, Any]) -> None:
    """Fill a WidgetState."""
    for name, field_value in value.items():
        if name == "file_uploader_state_value":
            info = widget_state.file_uploader_state_value.uploaded_file_info.add()
            info.file_id, info.name, info.size = (
                field_value["file_id"],
                field_value["name"],
                field_value["size"],
            )
            info.file_urls.CopyFrom(field_value["file_urls"])
        elif isinstance(field_value, list):
            getattr(widget_state, name).data.extend(field_value)
        else:
            setattr(widget_state, name, field_value)


def widget(seen: PageRun, key: str) -> str:
    """The id of the widget whose key ends so. Raises LookupError, with what there is."""
    widget_ids = [widget_id for name, widget_id in seen.widgets.items() if name.endswith(key)]
    if not widget_ids:
        raise LookupError(f"no widget {key!r} among {sorted(seen.widgets)}")
    return widget_ids[0]


def note(message: ForwardMsg, page_run: PageRun) -> None:
    """Keep what an element says, and which widget it is."""
    if message.delta.WhichOneof("type") == "add_block":
        fold = message.delta.add_block.expandable
        if fold.id:
            page_run.folds.append(fold.id)
    if message.delta.WhichOneof("type") != "new_element":
        return
    element = message.delta.new_element
    kind = element.WhichOneof("type") or ""
    body = getattr(element, kind, None)
    if kind == "exception":
        page_run.traces.append(f"{element.exception.type}: {element.exception.message}")
    if key := getattr(body, "query_param_key", ""):
        page_run.linked[key] = linked_widget(kind, body)
    for name in (
        ("body", "value") if kind in {"markdown", "heading", "html", "alert", "text"} else ()
    ):
        text = getattr(body, name, "")
        if isinstance(text, str) and text and not text.startswith("<style"):
            page_run.texts.append(text)
    if (widget_id := getattr(body, "id", "")) and widget_id.count("-") >= 2:
        page_run.widgets[widget_id.split("-", 2)[2]] = widget_id


def linked_widget(kind: str, body: Any) -> LinkedWidget:
    """A bound widget as its message describes it."""
    options = [getattr(option, "content", option) for option in getattr(body, "options", ())]
    default = getattr(body, "default", None)
    several = default if hasattr(default, "__len__") and not isinstance(default, str) else [default]
    words = [
        options[int(choice)] if options and isinstance(choice, int | float) else str(choice)
        for choice in several
    ]
    fields = ("raw_values", "raw_value", "value")
    values = [getattr(body, name) for name in fields if hasattr(body, name)]
    value = next(filter(None, values), values[-1] if values else "")
    current_values = (value,) if isinstance(value, str | int | float) else tuple(value)
    numeric = hasattr(body, "step") and not options
    return LinkedWidget(
        kind,
        body.label,
        tuple(map(str, options)),
        tuple(map(str, words)),
        tuple(map(str, current_values)) if body.set_value else (),
        (body.min, body.max, body.step) if numeric else (),
    )


def http_request(
    place: str, path: str, method: str = "GET", body: bytes = b"", headers: Any = ()
) -> tuple[int, Any]:
    """Status and headers of a request to a server of this machine."""
    connection = HTTPConnection(place, timeout=60)
    try:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers
    finally:
        connection.close()


def forgery_token(place: str) -> str:
    """The token that Streamlit gives a browser as a cookie."""
    _, headers = http_request(place, "/_stcore/health")
    for line in headers.get_all("Set-Cookie") or []:
        name, _, rest = line.partition("=")
        if name == COOKIE:
            return str(rest.partition(";")[0]).strip('"')
    raise ConnectionError("the server gave no token")
