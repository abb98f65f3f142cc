"""What works, where, and which test proves it: docs/coverage.md is written from the code itself."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from engine.commands.families import FAMILIES, METHODS
from engine.core.method import Method

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docs" / "coverage.md"
SYSTEMS = Path(__file__).with_name("systems.toml")

TOP = """\
# What works

Written by `python -m engine coverage` from the methods themselves and the README of each research
system; a test fails when this page is out of date or when a named test does not exist.
"""


@dataclass(frozen=True)
class System:
    """A research system: its paper, where it belongs, and the methods that make it up."""

    name: str
    paper: str
    year: int
    sheet: str
    view: str
    link: str = ""
    methods: tuple[str, ...] = ()
    missing: str = ""  # parts that its authors would still look for
    otherwise: str = ""  # what is not as in the paper
    folder: str = ""  # with its README

    def unbuilt(self, known: set[str]) -> str:
        """Which of its methods do not exist yet; "" when it is built."""
        if not self.methods:
            return "everything"
        return ", ".join(name for name in self.methods if name not in known)


PAPER = re.compile(r"\[(?P<paper>.+)\]\((?P<link>\S+)\) \((?P<year>\d{4})\)")


def described(readme: Path) -> Iterator[System]:
    """The systems of a folder: under each heading of its README a list of `- key: value`."""
    for part in re.split(r"^# ", readme.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        name = part.split("\n", 1)[0]
        entry: dict[str, Any] = dict(re.findall(r"^- (\w+): (.+)$", part, re.MULTILINE))
        paper = PAPER.fullmatch(entry.pop("paper", ""))
        if paper is None:
            raise ValueError(f"{readme}: {name} has no line “- paper: [title](link) (year)”.")
        entry |= paper.groupdict() | {"year": int(paper["year"])}
        entry["methods"] = tuple(entry["methods"].split(", "))
        yield System(name, folder=readme.parent.relative_to(ROOT).as_posix(), **entry)


def systems() -> tuple[System, ...]:
    """Those that are here and those that are planned, in the order of the menu and by name."""
    built = [system for file in ROOT.glob("engine/**/README.md") for system in described(file)]
    planned = tomllib.loads(SYSTEMS.read_text(encoding="utf-8"))["system"]
    menu = [family_title(family) for family in FAMILIES]
    return tuple(
        sorted(
            [*built, *(System(**entry) for entry in planned)],
            key=lambda system: (menu.index(system.view.split(" / ")[0]), system.name.casefold()),
        )
    )


ELSEWHERE = {
    "TRUST": "Attribution / Heatmaps",
    "BANDS": "Attribution / Heatmaps",
    "AMONG": "Attribution / Heatmaps",
    "WHICH_EXPLANATION": "Attribution / Which explanation?",
    "QUICK": "Anomaly / Familiar?",
    "DETECTORS": "Anomaly / Familiar?",
    "FAMILIAR": "Anomaly / Familiar?",
    "CRITERIA": "Sparsity / Prune",
    "DOUBT": "Anomaly / Confusion or ignorance",
    "ORDERED": "Attribution / Robustness",
    "PROTOCOLS": "Hallucination / Benchmarks",
    "COUNTED": "Hallucination / Decoding",
    "BEFORE_AFTER": "Hallucination / Before and after",
    "TRAINING": "Overview / Data and models",
    "OTHER_SEEDS": "Sparsity / Prune",
    "PROTECT": "Unlearning / Protect data",
    "COPIES": "Unlearning / Protect data",
    "LOCALIZERS": "Anomaly / Where is it odd?",
    "BENCHMARKS": "Anomaly / Where is it odd?",
    "TILT": "Attribution / Tilted boundary",
    "BESIDE_EXPERIMENTS": "Attribution / Experiments",
    "ONE_SCENE": "Hallucination / Experiments",
    "PROTECTIONS": "Unlearning / Protect data",
    "ON_IMAGE": "Unlearning / Protect data",
}
"""The view of the groups that are not called as theirs is."""


def method_views() -> dict[type[Method[Any]], str]:
    """The view of every method: each family has one tuple per view, such as HEATMAPS."""
    results: dict[type[Method[Any]], str] = {}
    for family in FAMILIES:
        for name, group in vars(family).items():
            if name.isupper() and name != "METHODS" and isinstance(group, tuple):
                kinds = [kind for kind in group if isinstance(kind, type)]
                title = f"{family_title(family)} / {name.replace('_', ' ').capitalize()}"
                results |= dict.fromkeys(kinds, ELSEWHERE.get(name, title)) | results
    return results


def family_title(family: Any) -> str:
    """The family's name as the menu has it."""
    return str(family.__name__.rsplit(".", 1)[-1]).capitalize()


def page() -> str:
    """The whole page."""
    known = {kind.full_name() for kind in METHODS}
    known_systems = systems()
    built = [system for system in known_systems if not system.unbuilt(known)]
    complete_count = sum(not system.missing for system in built)
    where = method_views()
    available = set(where.values())
    lines = [
        TOP,
        f"{len(METHODS)} methods work. Of {len(known_systems)} research systems, {len(built)} "
        "are there, "
        f"{complete_count} of them with nothing missing that their authors would look for.",
        "\n## Methods\n",
        "| method | title | view | paper | proved by |",
        "|---|---|---|---|---|",
        *(
            markdown_row(
                f"`{kind.full_name()}`", kind.title, where.get(kind, ""), kind.paper or "", proof
            )
            for kind in METHODS
            for proof in [f"`{kind.proof}`"]
        ),
    ]
    for view, group in groupby(known_systems, key=lambda system: system.view.split(" / ")[0]):
        lines += [
            f"\n## Systems: {view}\n",
            "| system | paper | year | view | sheet | missing | otherwise than in the paper |",
            "|---|---|---|---|---|---|---|",
            *(
                markdown_row(
                    linked(system.name, system.folder and f"../{system.folder}/README.md"),
                    linked(system.paper, system.link),
                    system.year,
                    system.view if system.view in available else f"{system.view} (planned)",
                    system.sheet,
                    system.unbuilt(known) or system.missing or "—",
                    system.otherwise,
                )
                for system in group
            ),
        ]
    return "\n".join(lines) + "\n"


def linked(words: str, target: str) -> str:
    """Words that lead somewhere, if there is a target."""
    return f"[{words}]({target})" if target else words


def markdown_row(*cells: object) -> str:
    """A line of a table."""
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
