"""The page of what works claims nothing that no test shows, and is up to date."""

import importlib
import re
from pathlib import Path
from unittest.mock import patch

import pytest

from components.views import VIEWS
from engine.commands.coverage import FILE, ROOT, System, described, method_views, page, systems
from engine.commands.families import METHODS


@pytest.mark.parametrize("kind", METHODS, ids=lambda kind: kind.full_name())
def test_the_test_that_proves_a_method_exists(kind):
    file, _, name = kind.proof.partition("::")
    assert (ROOT / file).is_file()
    module = importlib.import_module(".".join(Path(file).with_suffix("").parts))
    assert name.startswith("test_")
    assert callable(getattr(module, name.split("[")[0]))


def test_names_of_methods_are_unique():
    names = [kind.full_name() for kind in METHODS]
    assert len(names) == len(set(names)) > 0


def test_the_page_is_up_to_date():
    assert FILE.read_text(encoding="utf-8") == page(), "run: python -m engine coverage"


def test_all_seventy_eight_systems_are_listed_once_with_sheet_and_view():
    entries = systems()
    for names in ({system.name for system in entries}, {system.paper for system in entries}):
        assert len(names) == 78
    menus = {"Attribution", "Unlearning", "Hallucination", "Anomaly", "Sparsity"}
    assert {system.view.split(" / ")[0] for system in entries} == menus
    assert {system.sheet for system in entries} == {menu.lower() for menu in menus} | {"blindspots"}
    assert all(1990 < system.year < 2030 for system in entries)


def test_a_system_is_there_only_when_all_its_methods_are():
    system = System("A", "A paper", 2020, "anomaly", "Anomaly / X", "", ("a.B", "a.C"))
    assert system.unbuilt({"a.B", "a.C", "a.D"}) == ""
    assert system.unbuilt({"a.B"}) == "a.C"
    assert System("A", "", 2020, "", "").unbuilt({"a.B"}) == "everything"


README = """\
# A

- paper: [A paper (of [two] parts)](https://a.b/c) (2020)
- view: Anomaly / X
- sheet: anomaly
- methods: a.B, a.C
- missing: photographs; a bound

What it is: `method.py`.
"""


def test_a_readme_says_of_each_of_its_systems_what_the_page_needs():
    file = ROOT / "engine" / "README.md"
    with patch.object(Path, "read_text", return_value=README + README.replace("# A", "# B")):
        first, second = described(file)
    assert first == System(
        "A", "A paper (of [two] parts)", 2020, "anomaly", "Anomaly / X", "https://a.b/c",
        ("a.B", "a.C"), "photographs; a bound", "", "engine",
    )  # fmt: skip
    assert (second.name, second.paper) == ("B", first.paper)
    wrong = README.replace("(2020)", "2020")
    with patch.object(Path, "read_text", return_value=wrong), pytest.raises(ValueError, match="A"):
        list(described(file))


def test_systems_that_are_here_have_a_folder_and_a_link_and_no_other_has():
    for system in systems():
        assert bool(system.methods) == bool(system.folder) == bool(system.link), system.name


def test_the_files_that_a_readme_names_are_there():
    for readme in ROOT.glob("engine/**/README.md"):
        named = re.findall(r"`((?:[\w.]+/)*[\w.]+(?:\.py|/))`", readme.read_text("utf-8"))
        assert named, readme
        for name in named:
            assert (ROOT / name if name.startswith("engine/") else readme.parent / name).exists(), (
                f"{readme}: {name}"
            )
        assert (readme.parent / "__init__.py").is_file()


def test_every_view_that_the_page_names_exists_or_is_called_planned():
    view_names = {f"{view.menu} / {view.title}" for view in VIEWS}
    assert set(method_views().values()) <= view_names
    known = {kind.full_name() for kind in METHODS}
    for system in systems():
        assert system.view in view_names or system.unbuilt(known), system.name
        assert (f"| {system.view} (planned) |" in page()) == (system.view not in view_names), (
            system.name
        )


def test_every_method_stands_in_a_view():
    assert not [kind.full_name() for kind in METHODS if kind not in method_views()]


def test_what_a_built_system_lacks_stands_on_the_page():
    known = {kind.full_name() for kind in METHODS}
    lacking = [system for system in systems() if system.missing]
    assert all(not entry.unbuilt(known) for entry in lacking)
    assert all(f"| {entry.missing} |" in page() for entry in lacking)
