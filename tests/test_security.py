"""What SECURITY.md rests on is there."""

import re
from pathlib import Path

from components.guard import HELD_BYTES
from engine.core.lane.queue import LONGEST
from engine.vision.images.reader import CPU_SECONDS
from engine.vision.images.reader_process import MEMORY

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def test_every_file_that_it_names_exists():
    named = set(re.findall(r"`([\w/.-]+\.py)`", PAGE))
    paths = [
        path.as_posix()
        for folder in ("components", "engine", "tests")
        for path in (ROOT / folder).rglob("*.py")
    ]
    missing = [name for name in named if not any(path.endswith(f"/{name}") for path in paths)]
    assert len(named) > 20
    assert not missing


def test_its_limits_are_those_of_the_code():
    assert f"{CPU_SECONDS} s and {MEMORY // 10**6} MB" in PAGE
    assert f"{HELD_BYTES // 10**9} GB of uploads" in PAGE
    assert f"{LONGEST} questions in a queue" in PAGE


def test_nothing_unpickles_what_a_stranger_gives():
    """Only torch's reader of plain tensors, and an unpickler of our own that knows no function."""
    loads = re.compile(r"(torch\.load|np\.load|pickle\.loads?|joblib\.load)\([^)]*\)?")
    results = {
        (path.relative_to(ROOT).as_posix(), call.group())
        for folder in ("engine", "components", "pages")
        for path in (ROOT / folder).rglob("*.py")
        for call in loads.finditer(path.read_text(encoding="utf-8"))
    }
    sure = re.compile(r"weights_only=True|allow_pickle=False|np\.load\(io\.BytesIO\(data\)")
    assert len(results) >= 5
    assert not [result for result in results if not sure.search(result[1])]


def test_the_switches_of_streamlit_that_would_open_it_are_off():
    text = (ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    assert "enableXsrfProtection = true" in text
    assert "headless = true" in text  # else a visitor on this machine may have files installed
    assert not re.search(r"enableCORS|enableAgentApi|enableStaticServing|corsAllowedOrigins", text)
