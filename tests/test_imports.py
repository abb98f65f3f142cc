"""Who may know whom: engine knows torch, components know Streamlit, pages know both packages."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FORBIDDEN = {
    "engine": {"streamlit", "plotly", "components", "pages", "app", "tests", "benchmarks"},
    "components": {"torch", "torchvision", "timm", "captum", "pages", "app", "tests", "benchmarks"},
    "pages": {"torch", "torchvision", "timm", "captum", "app", "tests", "benchmarks"},
}


@cache  # several tests read the same files
def names_imported(source: str) -> tuple[tuple[str, ...], ...]:
    """Each import, wherever in a file: the module alone, or also a name that is taken from it."""
    results: list[tuple[str, ...]] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            results += [(name.name,) for name in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            results += [(node.module, name.name) for name in node.names]
    return tuple(results)


def imported(source: str) -> Iterator[str]:
    """The top-level packages that a file imports, wherever in it."""
    yield from (module.split(".")[0] for module, *_ in names_imported(source))


def test_imports_are_found_wherever_they_stand() -> None:
    source = "import a.b, c\nfrom d.e import f\nfrom .g import h\ndef i():\n    import j as k\n"
    assert list(imported(source)) == ["a", "c", "d", "j"]


CHARTS = "engine/core/charts"  # of the engine it alone knows Plotly


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_imports_go_one_way(folder: str) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    wrong = {}
    for file in files:
        name = file.relative_to(ROOT).as_posix()
        forbidden = FORBIDDEN[folder] - ({"plotly"} if name.startswith(CHARTS) else set())
        if result := forbidden.intersection(imported(file.read_text(encoding="utf-8"))):
            wrong[name] = sorted(result)
    assert not wrong


def test_charts_know_the_results_and_the_color_ramps_alone() -> None:
    files = sorted((ROOT / CHARTS).rglob("*.py"))
    modules = {module for file in files for module, *_ in names_imported(file.read_text("utf-8"))}
    met = {".".join(name.split(".")[:3]) for name in modules if name.startswith("engine")}
    assert met == {"engine.core.charts", "engine.core.pictures", "engine.core.result"}


def test_plotly_is_loaded_by_a_figure_and_not_by_its_declaration() -> None:
    script = (
        "import pkgutil, sys, engine.core.charts, engine.commands.families\n"
        "for module in pkgutil.iter_modules(engine.core.charts.__path__):\n"
        "    __import__(f'engine.core.charts.{module.name}')\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'plotly', 'streamlit'}))\n"
        "from engine.core.charts.bars import Bars\n"
        "from engine.core.result import Table\n"
        "Bars(value='a').figure(Table.of({'a': ([1.0], '')}, ('row',)))\n"
        "print('plotly' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert ran.stdout.split("\n")[:2] == ["[]", "True"]


FAMILIES = ("attribution", "unlearning", "hallucination", "anomaly", "sparsity")
LEVELS = {"evaluation": 2, "vision": 1, "core": 0}  # of the engine's rooms; arrows run downward
LEVELS |= dict.fromkeys(FAMILIES, 3) | dict.fromkeys(("commands", "sweep"), 4)


def rooms(source: str, package: str) -> Iterator[str]:
    """The folders below a package that a file imports from, wherever in it."""
    names = map(".".join, names_imported(source))
    yield from (name.split(".")[1] for name in names if name.startswith(f"{package}."))


def test_rooms_are_found_in_each_form_of_import() -> None:
    lines = ("import engine.a.b", "from engine import c", "from engine.d.e import f")
    source = "\n".join([*lines, "from x.y import z"])
    assert list(rooms(source, "engine")) == ["a", "c", "d"]


def reached(room: str) -> set[str]:
    """The rooms that a room may know: itself, and those below it."""
    below = {other for other, level in LEVELS.items() if level < LEVELS[room]}
    return below | {room} | ({"commands", "sweep"} if room in {"commands", "sweep"} else set())


def test_a_family_knows_no_other_and_the_rooms_below_know_no_family() -> None:
    assert reached("anomaly") == {"anomaly", "evaluation", "vision", "core"}
    assert reached("evaluation") == {"evaluation", "vision", "core"}
    assert reached("core") == {"core"}


def test_the_engine_has_ten_rooms() -> None:
    folders = {path.name for path in (ROOT / "engine").iterdir() if any(path.rglob("*.py"))}
    assert folders == LEVELS.keys()
    assert {path.name for path in (ROOT / "engine").glob("*.py")} == {"__init__.py", "__main__.py"}


@pytest.mark.parametrize("room", LEVELS)
def test_arrows_between_the_rooms_of_the_engine_run_downward(room: str) -> None:
    """What two families need stands in evaluation, vision or core."""
    files = sorted((ROOT / "engine" / room).rglob("*.py"))
    assert files
    wrong = {}
    for file in files:
        known = LEVELS.keys() & set(rooms(file.read_text(encoding="utf-8"), "engine"))
        if result := known - reached(room):
            wrong[file.relative_to(ROOT).as_posix()] = sorted(result)
    assert not wrong


RETELLING = {"start", "stories"}  # show what views have, in the words of each view
SHARED = {"charts", "dialog", "draw", "sidebar", "trust", "widgets"}  # folders of components


def test_views_do_not_know_each_other() -> None:
    """What two of them share stands beside their folders, or in a shared one."""
    folders = {path.name for path in (ROOT / "components").iterdir() if any(path.glob("*.py"))}
    wrong = {}
    for folder in sorted(folders):
        for file in sorted((ROOT / "components" / folder).rglob("*.py")):
            met = folders.intersection(rooms(file.read_text(encoding="utf-8"), "components"))
            known = SHARED | {folder} if folder not in RETELLING else folders
            if result := met - known:
                wrong[file.relative_to(ROOT).as_posix()] = sorted(result)
    assert len(folders) > len(SHARED) + 6
    assert not wrong


def known_when_loaded(file: Path, modules: set[str]) -> set[str]:
    """Modules of the project that a file imports as it is loaded: not for types, nor in a call."""
    results = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            results |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                whole = f"{node.module}.{name.name}"
                results.add(whole if whole in modules else node.module)
    return results & modules


def test_no_two_modules_need_each_other_to_be_loaded() -> None:
    files = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
        for folder in ("engine", "components")
        for file in (ROOT / folder).rglob("*.py")
    }
    needs = {name: known_when_loaded(file, set(files)) for name, file in files.items()}
    assert len(list(TopologicalSorter(needs).static_order())) > 500  # CycleError names a circle
