"""What the ways to forget came to here: the table of docs/unlearning.md and of the page.

The figures are those of the slow tests, read from docs/measured.md; none is typed. After the slow
tests, `python -m engine.unlearning.protocol.findings` writes the table anew.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path

from engine.evaluation.forgetting.attack import informative
from engine.unlearning.ways.unlearner import Unlearner

DOCS = Path(__file__).parents[3] / "docs"
START, END = "<!-- findings: begin -->", "<!-- findings: end -->"
SETS = (
    "Digits CNN, a class",
    "Digits MLP, a class",
    "MNIST CNN, a class",
    "MNIST MLP, a class",
    "wrong labels of digits",
    "digits, 10 % at random",
    "digits, 50 % at random",
    "noisy digits, 10 % at random",
    "noisy digits, 50 % at random",
)
NUMBER = r"(nan|[\d.]+)"
ROW = re.compile(
    rf"^\| Forget, (?P<what>.+), (?P<seeds>\d+) seeds, (?P<way>[^|]+) \| gap {NUMBER} ± {NUMBER}; "
    rf"gap without MIA {NUMBER} ± {NUMBER}; .*attack accuracy {NUMBER}"
    rf"(?: on (?P<images>\d+) images)?; {NUMBER}% of retraining's passes",
    re.MULTILINE,
)
SECONDS = re.compile(
    r"^\| Forget, (?P<what>.+), seconds \(median of 3\), (?P<way>[^|]+) \| (?P<seconds>[\d.]+) s "
    r"\([^)]*\); (?P<machine>[^|]+) \|",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Finding:
    """A way on one set of requests, as docs/measured.md has it: means over seeds.

    Args:
        seeds: how many.
        gap, without: to the retrained model, with and without MIA.
        attack: accuracy of the membership attack.
        passes: percent of retraining's.
        images: that the attack's accuracy is of; infinite where the row does not say.
    """

    seeds: int
    gap: float
    without: float
    attack: float
    passes: float
    images: float = inf


FindingsBySet = Mapping[str, Mapping[str, Finding]]  # by set and way


def findings(text: str) -> FindingsBySet:
    """The rows of docs/measured.md, by set and way."""
    results: dict[str, dict[str, Finding]] = {}
    for row in ROW.finditer(text):
        _, seeds, _, gap, _, without, _, attack, images, passes = row.groups()
        figures = (float(figure) for figure in (gap, without, attack, passes, images or inf))
        results.setdefault(row["what"], {})[row["way"]] = Finding(int(seeds), *figures)
    return results


def page_text() -> str:
    """docs/measured.md; "" where the documentation is not installed."""
    path = DOCS / "measured.md"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def markdown(ways: tuple[type[Unlearner], ...], text: str) -> str:
    """The table, and how to read it; "" where nothing was measured."""
    result = findings(text)
    names = [name for name in SETS if name in result]
    if not names:
        return ""
    heads = [f"{name} ({result[name]['Retrain'].seeds})" for name in names]
    lines = ["| | " + " | ".join([*heads, "passes", "seconds"]) + " |"]
    lines.append("| --- " * (len(names) + 3) + "|")
    first = names[0]
    seconds = {entry["way"]: entry for entry in SECONDS.finditer(text) if entry["what"] == first}
    for kind in ways:
        cells = [gap_cell(result[name], kind.short) for name in names]
        passes = result[first].get(kind.short)
        cells.append(f"{passes.passes:.3g} %" if passes else "—")
        timing = seconds.get(kind.short)
        cells.append(f"{float(timing['seconds']):.3g}" if timing else "—")
        lines.append(f"| {kind.short} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n\n" + cell_legend(result, names, first, seconds)


def gap_cell(ways: Mapping[str, Finding], way: str) -> str:
    """The gap by which ways are ranked, the other in brackets."""
    if way not in ways:
        return "—"
    row = ways[way]
    ranked_gap, other_gap = (
        (row.gap, row.without) if attack_is_informative(ways) else (row.without, row.gap)
    )
    return f"**{short(ranked_gap)}** ({short(other_gap)})"


def attack_is_informative(ways: Mapping[str, Finding]) -> bool:
    """Whether the attack says anything of the retrained model, as on the scoreboard."""
    return informative(ways["Retrain"].attack, ways["Retrain"].images)


def short(value: float) -> str:
    """A share without its leading zero."""
    return "failed" if value != value else f"{value:.3f}".removeprefix("0")  # noqa: PLR0124


def cell_legend(
    results: FindingsBySet, names: list[str], first: str, seconds: Mapping[str, re.Match[str]]
) -> str:
    """What the cells are."""
    with_attack = [name for name in names if attack_is_informative(results[name])]
    sentence = (
        "Mean gap to the retrained model over seeds (their number in brackets above): bold is the "
        "one by which ways are ranked, without MIA where the attack on the retrained model is near "
        f"chance ({'all but ' + ', '.join(with_attack) if with_attack else 'all of these sets'}), "
        "the other stands in brackets. Passes, as a share of retraining's, and seconds are those "
        f"of {first}"
    )
    if not seconds:
        return sentence + "."
    machine = next(iter(seconds.values()))["machine"]
    return f"{sentence}; seconds: the median of three runs on {machine}."


def write(ways: tuple[type[Unlearner], ...], path: Path = DOCS / "unlearning.md") -> None:
    """Put the table into the documentation."""
    text = path.read_text(encoding="utf-8")
    before, rest = text.split(START, 1)
    after = rest.split(END, 1)[1]
    path.write_text(f"{before}{START}\n{markdown(ways, page_text())}\n{END}{after}", "utf-8")


if __name__ == "__main__":
    from engine.unlearning import UNLEARNERS

    write(UNLEARNERS)
