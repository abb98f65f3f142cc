"""Who may ask the server under which name, how much it takes, and what browsers are told."""

import ast
import re
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from components import guard
from components.guard import HEADERS, Guard, inline_scripts, is_allowed
from tests.awaited import awaited

ROOT = Path(__file__).resolve().parents[2]
PUT = "/_stcore/upload_file/session/file"


class Endpoint:
    """An ASGI application that a route takes as it is."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)


def first_response(guarded, path="/", method="GET", kind="http", body=b"", **headers):
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": body}

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": kind, "method": method, "path": path, "headers": raw}
    scope["extensions"] = {"websocket.http.response": {}}
    awaited(guarded(scope, receive, send))
    start = sent[0]
    named = {name.decode(): value.decode() for name, value in start.get("headers", [])}
    return start.get("status"), named, sent[1]["body"].decode() if len(sent) > 1 else ""


@pytest.fixture
def app():
    return Guard(PlainTextResponse("passed"), most=1000)


@pytest.mark.parametrize(
    ("host", "allowed", "passes"),
    [
        *((host, "localhost", True) for host in ("localhost", "LocalHost:8501", "localhost.:8501")),
        ("127.0.0.1:8501", "127.0.0.1", True),
        ("[::1]:8501", "::1", True),
        ("evil.example", None, True),
        ("evil.example", "*", True),
        ("a.lab.org", "*.lab.org", True),
        *((host, "*.lab.org", False) for host in ("lab.org", "evillab.org")),
        *((host, "localhost", False) for host in ("evil.example", "localhost.evil.example")),
        *((host, "localhost", False) for host in (None, "", "localhost:x", "me@localhost")),
        *((host, "localhost", False) for host in ("localhost/a", "[::1")),
    ],
)
def test_a_host_is_allowed_by_its_whole_name(host, allowed, passes):
    assert is_allowed(host, [allowed] if allowed else []) is passes


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_another_host_is_refused_before_the_app_is_asked(app, kind):
    status, headers, body = first_response(app, kind=kind, host="evil.example")
    assert (status, "passed" in body) == (421, False)
    assert headers["content-security-policy"] == HEADERS["content-security-policy"]


def test_answers_carry_the_headers_and_keep_what_they_have(app):
    strict_app = Guard(PlainTextResponse("passed", headers={"Referrer-Policy": "no-referrer"}))
    for guarded, referrer in (app, "same-origin"), (strict_app, "no-referrer"):
        status, headers, body = first_response(guarded, host="localhost")
        assert (status, body) == (200, "passed")
        assert headers == {**headers, **HEADERS, "referrer-policy": referrer}


def test_the_policy_lets_nothing_out_and_no_foreign_script_in():
    rules = dict(rule.split(" ", 1) for rule in HEADERS["content-security-policy"].split("; "))
    assert rules["default-src"] == rules["connect-src"] == rules["form-action"] == "'self'"
    assert "'unsafe-inline'" not in rules["script-src"]
    assert "'unsafe-eval'" not in rules["script-src"]
    assert not re.search(r"https?:|\*", HEADERS["content-security-policy"])
    # the digest is the example of the specification (CSP level 2, 4.2.5)
    page = "<script>alert('Hello, world.');</script><script src='a.js'></script>"
    assert inline_scripts(page) == "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='"


@pytest.mark.parametrize(
    ("length", "held", "status"),
    [("900", 0, 200), ("900", 200, 503), ("1001", 0, 503), ("", 0, 411), ("9e2", 0, 411)],
)
def test_uploads_are_taken_while_there_is_room(app, monkeypatch, length, held, status):
    monkeypatch.setattr(guard, "upload_bytes", lambda: held)
    assert first_response(app, PUT, "PUT", host="localhost", content_length=length)[0] == status
    assert app.arriving == 0


def test_what_has_arrived_counts_and_is_let_go_of_when_it_fails(monkeypatch):
    monkeypatch.setattr(guard, "upload_bytes", lambda: 0)
    arrived = []

    async def slow(scope, receive, send):
        arrived.append(guarded.arriving)  # said, but not come: it keeps nobody out
        await receive()
        arrived.append(guarded.arriving)
        raise ConnectionError

    guarded = Guard(slow, most=1000)
    with pytest.raises(ConnectionError):
        first_response(guarded, PUT, "PUT", body=b"x" * 600, host="localhost", content_length="900")
    assert arrived == [0, 600]
    assert guarded.arriving == 0


def test_an_upload_that_is_longer_than_it_said_ends_where_there_is_no_room(monkeypatch):
    """In chunks a client may say 1 byte and send any number; what others hold counts too."""
    monkeypatch.setattr(guard, "upload_bytes", lambda: 300)
    came = []

    async def reads(scope, receive, send):
        while True:
            came.append(len((await receive())["body"]))

    guarded = Guard(Starlette(routes=[Route(PUT, Endpoint(reads))]), most=1000)
    headers = {"host": "localhost", "content_length": "1", "transfer_encoding": "chunked"}
    status, _, body = first_response(guarded, PUT, "PUT", body=b"x" * 300, **headers)
    assert (status, body) == (503, guard.FULL)
    assert came == [300, 300]
    assert guarded.arriving == 0


def test_a_large_upload_is_not_written_to_the_disk():
    """The page promises that; Starlette writes what has more than 1 MB into a temporary file."""

    async def read(request):
        async with request.form() as form:
            return PlainTextResponse(str(form["file"].file._rolled))

    client = TestClient(Starlette(routes=[Route("/", read, methods=["PUT"])]))
    assert client.put("/", files={"file": ("a.zip", b"x" * 3_000_000)}).text == "False"


def test_what_streamlit_keeps_of_all_sessions_is_counted(monkeypatch):
    files = MemoryUploadedFileManager("/upload")
    for session in "ab":
        files.add_file(session, UploadedFileRec("1", "x.png", "image/png", b"12345"))
    monkeypatch.setattr(guard, "exists", lambda: True)
    server = SimpleNamespace(uploaded_file_mgr=files)
    monkeypatch.setattr(guard.Runtime, "instance", lambda: server)
    assert guard.upload_bytes() == 10


def test_the_server_starts_for_this_computer_alone():
    text = (ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    assert 'address = "127.0.0.1"' in text
    assert 'allowedHosts = ["localhost", "127.0.0.1"]' in text


SERVER = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())["server"]


def uploaders():
    """Each call of st.file_uploader, or of what calls it, by file and line."""
    for path in sorted((ROOT / "components").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or path.name == "open_file.py":
                continue  # that one passes on the limit it is called with
            called = getattr(node.func, "attr", "") or getattr(node.func, "id", "")
            if called in {"file_uploader", "open_file"}:
                yield pytest.param(path, node, id=f"{path.relative_to(ROOT)}:{node.lineno}")


def limit(path, node):
    """The uploader's own limit in MB, a number or a constant of its module."""
    words = {word.arg: word.value for word in node.keywords}
    limit_node = words["max_upload_size"] if "max_upload_size" in words else words["most"]
    if isinstance(limit_node, ast.Constant):
        return limit_node.value
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return getattr(__import__(module, fromlist=[limit_node.id]), limit_node.id)


@pytest.mark.parametrize(("path", "node"), list(uploaders()))
def test_every_uploader_has_a_limit_and_the_server_takes_files_up_to_it(path, node):
    assert 1 <= limit(path, node) <= SERVER["maxUploadSize"]
