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


CHARTS = "engine/charts"  # of the engine it alone knows Plotly


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
    met = {room for file in files for room in rooms(file.read_text(encoding="utf-8"), "engine")}
    assert met == {"charts", "pictures", "result"}


def test_plotly_is_loaded_by_a_figure_and_not_by_its_declaration() -> None:
    script = (
        "import pkgutil, sys, engine.charts, engine.families\n"
        "for module in pkgutil.iter_modules(engine.charts.__path__):\n"
        "    __import__(f'engine.charts.{module.name}')\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'plotly', 'streamlit'}))\n"
        "from engine.charts.bars import Bars\n"
        "from engine.result import Table\n"
        "Bars(value='a').figure(Table.of({'a': ([1.0], '')}, ('row',)))\n"
        "print('plotly' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert ran.stdout.split("\n")[:2] == ["[]", "True"]


FAMILIES = {"attribution", "unlearning", "hallucination", "anomaly", "sparsity"}
INSTRUMENTS = {  # methods of another family that one works with, as its papers do
    "engine/sparsity/effects/harm.py": {"attribution"},
    "engine/sparsity/effects/pruned_image.py": {"attribution"},
    "engine/sparsity/opening.py": {"attribution"},
    "engine/sparsity/effects/unknown.py": {"anomaly"},
    "engine/unlearning/ways/prune_first.py": {"sparsity"},
    "engine/unlearning/concepts/dictionary.py": {"hallucination"},
    "engine/unlearning/concepts/collateral.py": {"hallucination"},
    "engine/unlearning/concepts/polls.py": {"hallucination"},
    "engine/unlearning/concepts/sauce.py": {"hallucination"},
    "engine/unlearning/concepts/suppressed.py": {"hallucination"},
    "engine/unlearning/opening.py": {"hallucination"},
}


def rooms(source: str, package: str) -> Iterator[str]:
    """The folders below a package that a file imports from, wherever in it."""
    names = map(".".join, names_imported(source))
    yield from (name.split(".")[1] for name in names if name.startswith(f"{package}."))


def test_rooms_are_found_in_each_form_of_import() -> None:
    source = (
        "import engine.a.b\nfrom engine import c\nfrom engine.d.e import f\nfrom x.y import z\n"
    )
    assert list(rooms(source, "engine")) == ["a", "c", "d"]


def test_families_of_the_engine_do_not_know_each_other() -> None:
    """What two of them share has a room of its own."""
    wrong = {}
    for family in sorted(FAMILIES):
        for file in sorted((ROOT / "engine" / family).rglob("*.py")):
            name = file.relative_to(ROOT).as_posix()
            met = FAMILIES.intersection(rooms(file.read_text(encoding="utf-8"), "engine"))
            if result := met - {family} - INSTRUMENTS.get(name, set()):
                wrong[name] = sorted(result)
    assert not wrong


def test_rooms_that_families_share_know_none_of_them() -> None:
    shared = {"case", "charts", "data", "images", "keeping", "lane", "measures", "models",
              "pictures", "result", "training", "weights"}  # fmt: skip
    wrong = {}
    for room in sorted(shared):
        for file in sorted((ROOT / "engine" / room).rglob("*.py")):
            if met := FAMILIES.intersection(rooms(file.read_text(encoding="utf-8"), "engine")):
                wrong[file.relative_to(ROOT).as_posix()] = sorted(met)
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
