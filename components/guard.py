"""What every request passes before Streamlit sees it: its host, its size, and the answer's headers.

Streamlit holds `server.allowedHosts` against the page's own connection only. Here the list holds
on every route, so a page of a stranger that points its own name at this machine (DNS rebinding)
reads neither a file nor a picture.
"""

import re
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import streamlit
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartParser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config
from streamlit.runtime import Runtime, exists

from engine.core.whole import whole_number

HELD_BYTES = 4_000_000_000  # of all visitors' uploads together: those kept and those arriving
MultiPartParser.spool_max_size = HELD_BYTES  # else what has 1 MB is first written to the disk
FULL = "The server holds as many files as it can: please try again later."
PAGE = Path(streamlit.__file__).parent / "static" / "index.html"


def inline_scripts(page: str) -> str:
    """The scripts that stand in a page itself, as a policy names them: by their digests."""
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digests = (b64encode(sha256(script.encode()).digest()).decode() for script in scripts)
    return " ".join(f"'sha256-{digest}'" for digest in digests)


POLICY = "; ".join(
    [
        "default-src 'self'",
        # components come as blobs
        f"script-src 'self' blob: 'wasm-unsafe-eval' {inline_scripts(PAGE.read_text('utf-8'))}",
        "style-src 'self' 'unsafe-inline'",  # emotion and st.html write styles into the page
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
        "connect-src 'self'",  # what runs in the page can send nothing to another host
        "frame-src 'self'",
        "frame-ancestors 'self'",
        "form-action 'self'",
        "base-uri 'self'",
        "object-src 'none'",
    ]
)
HEADERS = {
    "content-security-policy": POLICY,
    "referrer-policy": "same-origin",  # links carry prompts and class names
    "x-content-type-options": "nosniff",
}


class Guard:
    """ASGI middleware around the whole app.

    Args:
        app: what is guarded.
        most: bytes that uploads may hold together.
    """

    def __init__(self, app: ASGIApp, most: int = HELD_BYTES) -> None:
        self.app = app
        self.most = most
        self.arriving = 0  # bytes of uploads that have come and are not kept yet
        self.held = 0  # bytes of those kept, when one began or ended last

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not is_allowed(headers.get("host"), config.get_option("server.allowedHosts")):
            await refuse("This server is not known by that name.", 421)(scope, receive, send)
        elif scope["type"] == "http":
            await self.answer(headers, scope, receive, with_headers(send))
        else:
            await self.app(scope, receive, send)

    async def answer(self, headers: Headers, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; an upload only while there is room for it."""
        if scope["method"] != "PUT" or "/_stcore/upload_file/" not in scope["path"]:
            await self.app(scope, receive, send)
            return
        length = whole_number(headers.get("content-length", ""))
        if length is None:  # a browser always says it
            await refuse("The upload does not say how long it is.", 411)(scope, receive, send)
            return
        self.held, came = upload_bytes(), 0
        if self.held + self.arriving + length > self.most:
            await refuse(FULL, 503)(scope, receive, send)
            return

        async def counted() -> Message:
            """What comes counts, not what was said: chunks may be more, a slow client less."""
            nonlocal came
            message = await receive()
            size = len(message.get("body", b""))
            came += size
            self.arriving += size
            if self.held + self.arriving > self.most:
                raise HTTPException(503, FULL)
            return message

        try:
            await self.app(scope, counted, send)
        finally:
            self.arriving -= came
            self.held = upload_bytes()


def is_allowed(host: str | None, allowed: Iterable[str]) -> bool:
    """Whether a Host header names one of the hosts; all do where the list is empty or has "*".

    Args:
        host: with or without a port.
        allowed: names, "*.example.org" for all names below one, or "*".
    """
    names = [name.strip().lower().rstrip(".") for name in allowed]
    if not names or "*" in names:
        return True
    try:
        parts = urlsplit(f"//{host or ''}")
        hostname, _ = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return False
    if not hostname or parts.netloc != host or "@" in parts.netloc:
        return False
    return any(
        hostname.endswith(name[1:]) if name[:2] == "*." else hostname == name for name in names
    )


def upload_bytes() -> int:
    """Bytes of the uploads that Streamlit keeps for its sessions."""
    if not exists():
        return 0
    file_stats = Runtime.instance().uploaded_file_mgr.get_stats()
    return sum(getattr(stat, "byte_length", 0) for stats in file_stats.values() for stat in stats)


def refuse(words: str, status: int) -> PlainTextResponse:
    """An answer of one sentence; Starlette makes a refused handshake of it for a websocket."""
    return PlainTextResponse(words, status, HEADERS)


def with_headers(send: Send) -> Send:
    """Send with our headers in front of every answer; one that is there already stays."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
