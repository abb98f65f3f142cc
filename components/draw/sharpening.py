"""How masks of N of every M weights were learned: the candidates over the steps, and how sure."""

from engine.core.charts.drawing import Drawing
from engine.core.charts.lines import Lines
from engine.core.charts.matrix import Matrix
from engine.core.result import Table
from engine.vision.weights.course import course_words


def drawings() -> tuple[Drawing, Drawing]:
    return (
        Drawing(
            "candidates",
            "Which pattern each group leans to",
            lambda _: Matrix(
                span=(0, 1), bar="probability", x_title="step", numbers=False, height=460
            ),
            lambda result: candidates_words(result["candidates"]),
        ),
        Drawing(
            "course",
            "What was learned, and how sharp the choice is",
            lambda _: Lines(
                x="step",
                span=(0, 102),
                title="%",
                series={
                    "entropy": "entropy of the choice",
                    "highest": "likeliest pattern",
                    "changed": "groups that left the mask preferred at first",
                },
            ),
            lambda result: course_words(result["course"]),
        ),
    )


def candidates_words(table: Table) -> str:
    groups = len({name.partition(" · ")[0] for name in table.rows})
    sure = int((table.values[:, -1] > 0.9).sum())
    return (
        f"A row is one pattern of a group of {table.notes[0]}: 1 stays, 0 goes. Groups that "
        f"changed come first. In the end {sure} of {groups} are over 90 % sure, as τ and κ are "
        "scheduled."
    )
