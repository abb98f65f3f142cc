"""Every command that README.md, CONTRIBUTING.md and docs/ name runs as it stands."""

import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from shutil import copytree
from textwrap import dedent

import pytest
from PIL import Image

from engine.commands import coverage, gallery
from engine.commands.cli import main
from engine.core import run
from engine.core.errors import BlindspotError
from engine.core.keeping.store import Store
from engine.core.run import GALLERY
from engine.vision.models import embedded
from tests.written import answer_folder

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SPAN = re.compile(r"`(python -m engine[^`]*)`")
LINE = re.compile(r"^    +(python -m engine(?:.*\\\n)*.*)$", re.MULTILINE)
BLOCK = re.compile(r"^    (?:import|from) .*\n(?:(?:    .*)?\n)+", re.MULTILINE)
FORM = re.compile(r"(?<!\S)[A-Z]+(?!\S)")  # NAME, in a command that shows a form
LONG = {
    "gallery --again Study": "it measures ten methods on many images: many minutes",
    "weights scenes-things": "it trains for many minutes",
    "weights scene-decliner": "it trains three networks, some of them more than once",
    "weights section-networks": "it reads 7,680 tiles: some minutes",
}
HUB = re.compile(r"resnet50|open_clip:")  # in a command whose model is from there
SLOW_METHODS = ("attribution.Occlusion", "attribution.OrderedSuccess", "attribution.QuadAttacK")
SLOW_RUNS = tuple(f"run {name} " for name in SLOW_METHODS)
SLOW = ("weights digits-mlp", "phantom-cnn", "unlearning.SALM", *SLOW_METHODS)  # in them


def commands(pages: Sequence[Path] = PAGES) -> list[str]:
    """What follows `python -m engine`, each once, without comments."""
    results = [
        command
        for page in pages
        for pattern in (LINE, SPAN)
        for command in pattern.findall(page.read_text(encoding="utf-8"))
    ]
    words = (shlex.split(result.replace("\\\n", " "), comments=True)[3:] for result in results)
    return list(dict.fromkeys(shlex.join(word) for word in words if word))


def scripts() -> list[str]:
    """Indented blocks of Python, each of a page whole, that ask the engine something."""
    blocks = [
        dedent(block) for page in PAGES for block in BLOCK.findall(page.read_text(encoding="utf-8"))
    ]
    return [block for block in blocks if "engine.answer(" in block or "as_python" in block]


def plan() -> str:
    """The plan of a sweep that docs/sweep.md shows."""
    page = (ROOT / "docs" / "sweep.md").read_text("utf-8")
    return dedent(page[page.index("    methods = ") : page.index("| key |")])


def marked(command: str):
    marks = [pytest.mark.slow] if any(word in command for word in SLOW) else []
    marks += [pytest.mark.skip(reason=LONG[command])] if command in LONG else []
    return pytest.param(command, marks=marks, id=command)


@pytest.fixture
def somebody(tmp_path, monkeypatch):
    """A folder with a picture of one's own, a fresh home, what ships, and no network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BLINDSPOT_HOME", str(tmp_path / "home"))
    fresh = Store(tmp_path / "home" / "answers", shipped=(GALLERY,))
    monkeypatch.setattr(run, "store", lambda: fresh)
    monkeypatch.setattr(gallery, "GALLERY", copytree(GALLERY, tmp_path / "gallery"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    embedded.plans(), embedded.weight_names()  # of what ships, before the folder is another
    for module, name in ((embedded, "FOLDER"), (coverage, "FILE")):
        monkeypatch.setattr(module, name, tmp_path / name.lower())
    Image.new("RGB", (60, 40), "orange").save("cat.jpg")
    (tmp_path / "plan.toml").write_text(plan(), "utf-8")
    return tmp_path


def test_the_pages_name_commands_and_scripts_and_what_is_not_run_here_is_among_them():
    result = commands()
    assert len(result) > 8
    assert LONG.keys() <= set(result)
    for command in result:
        assert "…" not in command, f"{command} is no command"
    assert len(scripts()) == 2


@pytest.mark.parametrize(
    "command", [marked(command) for command in commands() if not FORM.search(command)]
)
def test_a_command_runs_as_it_stands(command, somebody, capsys):
    arguments = shlex.split(command)
    status = main(arguments)
    output = capsys.readouterr()
    if HUB.search(command):  # which a test does not reach
        assert (status, output.err.count("\n")) == (2, 1)
        assert "the model hub, which cannot be reached from here" in output.err
        return
    assert status == 0, output.err
    assert output.out
    if arguments[0] == "run":
        assert json.loads((answer_folder(somebody / "out") / "result.json").read_text())["views"]


@pytest.mark.parametrize(
    "command", [command for command in commands() if command.startswith(SLOW_RUNS)]
)
def test_a_command_of_a_slow_method_asks_it(command, somebody, monkeypatch, capsys):
    def answer(method, case, _progress):
        raise BlindspotError(f"asked: {method.full_name()}")

    monkeypatch.setattr(run, "answer", answer)
    assert main(shlex.split(command)) == 2
    assert f"asked: {command.split()[1]}" in capsys.readouterr().err


def runs_of(page: Path) -> list[str]:
    """The commands of a page that ask a method here, but for those that take long."""
    return [
        command
        for command in commands([page])
        if command.startswith("run ")
        and not any(word in command for word in SLOW)
        and not FORM.search(command)
        and not HUB.search(command)
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [page for page in PAGES if len(runs_of(page)) > 1], ids=lambda page: page.name
)
def test_commands_of_a_page_one_after_another_overwrite_nothing(page, somebody, capsys):
    """Each answer is whole, though all have one --out: what was written before stays as it was."""
    before: dict[Path, bytes] = {}
    for number, command in enumerate(runs_of(page), 1):
        assert main(shlex.split(command)) == 0, capsys.readouterr().err
        after = {path: path.read_bytes() for path in somebody.glob("out/**/*") if path.is_file()}
        assert {path: after[path] for path in before} == before
        assert sum(path.name == "result.json" for path in after) == number
        before = after


@pytest.mark.parametrize("script", scripts(), ids=lambda script: script.split("\n")[0])
def test_a_script_runs_as_it_is_printed(script, somebody, capsys):
    exec(script, {})  # noqa: S102  # it is what a person would run
    assert capsys.readouterr().out
