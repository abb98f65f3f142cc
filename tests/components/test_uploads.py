"""What the uploaders promise is what the server takes."""

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
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
