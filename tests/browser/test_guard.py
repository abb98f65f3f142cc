"""The running server answers no route under a name that is not its own."""

from __future__ import annotations

from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

ROUTES = (
    "/", "/prune", "/static/js/x.js", "/media/x.png", "/component/x", "/_stcore/health",
    "/_stcore/metrics", "/_stcore/host-config", "/_stcore/upload_file/a/b",
    "/_stcore/agent/openapi.json", "/_stcore/bidi-components/x", "/_stcore/stream", "/auth/login",
)  # fmt: skip


def answered(url, path, host):
    """Status and headers."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
    upgrade = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "x3JJHMbDL1EzLkh9GBhXDw==",
    }
    headers = {"Host": host, **(upgrade if path.endswith("stream") else {})}
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}


@pytest.mark.parametrize("path", ROUTES)
def test_no_route_answers_under_a_foreign_name(app_url, path):
    assert answered(app_url, path, "evil.example")[0] == 421
    status, headers = answered(app_url, path, "localhost")
    assert status != 421
    assert path.endswith("stream") or "connect-src 'self'" in headers["content-security-policy"]
