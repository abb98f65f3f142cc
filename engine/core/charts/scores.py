"""Scores, rankings, and scores of many images with their parts, as the rows of a table."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.core.charts.bars import Bars
from engine.core.result import Evidence, Ranking, Scores, Table, View

VALUE = "value"  # the column of what is scored or ranked


def as_rows(view: View) -> Table | None:
    """The rows of such a view; None of another kind."""
    match view:
        case Scores():
            return as_table(view)
        case Ranking():
            count, width = view.values.shape
            place = np.repeat(np.arange(1, count + 1), width)
            labels = [label for best in view.labels for label in best]
            classes = {"place": (place, ""), "class": (view.classes.ravel(), "")}
            return Table.of(classes | {VALUE: (view.values.ravel(), view.unit)}, labels)
        case Evidence():
            return of_groups({"": view})
    return None


def as_table(scores: Scores) -> Table:
    """A row for each label."""
    return Table.of({VALUE: (scores.values, scores.unit)}, scores.labels)


def groups_of(answer: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Evidence]:
    """The scores of each group that an answer has, under a name; `names` are by its views."""
    return {name: answer[view] for view, name in names.items() if view in answer}


def of_groups(groups: Mapping[str, Evidence]) -> Table:
    """A row for every image of the groups, named after its group: its score and its parts."""
    first = next(iter(groups.values()))
    columns = {
        name: (np.concatenate([getattr(group, name) for group in groups.values()]), "")
        for name in ("ids", "predicted", "labels")
    }
    scores = np.concatenate([group.values for group in groups.values()])
    columns |= {"score": (scores, first.unit)} | {
        name: (np.concatenate([group.parts[name] for group in groups.values()]), "")
        for name in sorted(first.parts)
    }
    names = [name for name, group in groups.items() for _ in group.values]
    return Table.of(columns, names)


def score_bars(view: Scores | Ranking) -> Bars:
    """A bar for each label; probabilities on their whole scale."""
    return Bars(
        value=VALUE, title=view.unit, span=(0, 1.02) if view.unit == "probability" else None
    )
