"""The numbers of a view as the rows of one table, whatever its kind."""

from components.draw.tokens import word_values
from engine.core.charts.curves import as_columns
from engine.core.charts.scores import as_rows
from engine.core.result import Curve, Table, Tokens, View


def rows_of(view: View) -> Table | None:
    """A table, curve, scores or words as rows; None of what has no figures to read in a table."""
    match view:
        case Table():
            return view
        case Curve():
            return as_columns({view.y_label: view})
        case Tokens():
            return word_values(view)
    return as_rows(view)
