"""What can be said of the Dockerfile without Docker."""

import re
import tomllib
from pathlib import Path

from components.guard import is_allowed

ROOT = Path(__file__).resolve().parents[1]
FILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
LINES = [
    line
    for line in FILE.replace("\\\n", " ").splitlines()
    if line.strip() and not line.startswith("#")
]


def instruction_arguments(word):
    """What stands behind an instruction, each time."""
    return [line.partition(" ")[2].strip() for line in LINES if line.startswith(f"{word} ")]


def test_the_app_runs_as_somebody_without_rights_and_its_home_is_a_volume():
    assert instruction_arguments("USER") == ["blindspot"]
    assert LINES.index("USER blindspot") > max(i for i, line in enumerate(LINES) if "RUN " in line)
    assert instruction_arguments("VOLUME") == ['["/kept"]']
    assert "BLINDSPOT_HOME=/kept" in FILE


def test_every_line_to_copy_publishes_on_this_computer_alone():
    runs = [line for line in FILE.splitlines() if "docker run --rm" in line]
    assert len(runs) == 2
    assert all("-p 127.0.0.1:8501:8501" in line for line in runs)
    assert instruction_arguments("EXPOSE") == ["8501"]


def test_health_is_asked_for_by_a_line_that_is_python():
    (line,) = instruction_arguments("HEALTHCHECK")
    code = re.search(r'"-c",\s+"(.+)"\]', line)[1]
    compile(code, "HEALTHCHECK", "exec")
    assert "http://127.0.0.1:8501/_stcore/health" in code


def test_with_the_name_of_a_proxy_the_health_check_is_still_allowed():
    (line,) = (line for line in FILE.splitlines() if "--server.allowedHosts" in line)
    hosts = re.findall(r"--server\.allowedHosts (\S+)", line)
    (command,) = instruction_arguments("HEALTHCHECK")
    (part,) = re.findall(r"http://([\w.:]+)/", command)
    assert is_allowed("blindspot.example.org", hosts)
    assert is_allowed(part, hosts)
    assert not is_allowed("evil.example", hosts)


def test_stages_are_there_for_each_kind_of_torch():
    assert instruction_arguments("ARG") == ["TORCH=cpu"]
    stages = {line.split(" AS ")[1] for line in instruction_arguments("FROM")}
    assert {"cpu-packages", "cuda-packages"} < stages


def test_its_python_is_one_that_the_project_allows():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lowest = tuple(map(int, project["requires-python"].removeprefix(">=").split(".")))
    result = re.match(r"python:(\d+)\.(\d+)-slim", instruction_arguments("FROM")[0])
    assert tuple(map(int, result.groups())) >= lowest


def test_what_is_private_does_not_come_into_the_image_and_nothing_that_the_app_needs_is_left_out():
    assert {".git", ".streamlit/secrets.toml", ".env", ".venv*"} <= set(IGNORED)
    needed = {"app.py", "assets", "components", "engine", "pages", "docs", ".streamlit"}
    assert not needed & set(IGNORED)
