"""How many slices reach a Dice: the chart and its sentence."""

from engine.core.charts.drawing import Drawing
from engine.core.charts.lines import Lines
from engine.core.result import Table


def half_reached(reached: Table) -> str:
    """How many slices each network outlines with a Dice of .5 or more, with the first seed."""
    at = int(abs(reached["Dice"] - 0.5).argmin())
    shares = [f"{name} {100 * reached[name][at]:.0f} %" for name in reached.order[1:]]
    return f"A Dice of .5 or more, first seed: {', '.join(shares)} of test slices."


REACHED = Drawing(
    "reached",
    "How many slices reach a Dice",
    chart=Lines(
        x="Dice",
        ticks=[0.0, 0.25, 0.5, 0.75, 1.0],
        span=(-3, 103),
        title="test slices (%)",
        x_title="Dice of the outline, at least",
    ),
    finding=lambda result: half_reached(result["reached"]),
)
