"""What poisons do to the votes about an image: charts and their sentences."""

from engine.core.charts.bar_groups import BarGroups
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines
from engine.core.result import Table

ROUNDS = {f"first votes, {when}": when for when in ("before", "after")}


def outcome(result: Views) -> tuple[str, str, int]:
    """The class that is said without poisons, its rival, and the certificate."""
    names, cells = result["ballots"].rows, result["outcome"]
    says, rival, radius = (int(cells[name][0]) for name in ("answer", "rival", "certificate"))
    return names[says], names[rival], radius


def votes(result: Views) -> Lines:
    """The first round, poison by poison, beside the worst case."""
    says, rival, radius = outcome(result)
    return Lines(
        x="poisons",
        series={
            "answer": f"votes for {says}",
            "rival": f"votes for {rival}",
            "worst answer": f"{says}, worst case",
            "worst rival": f"{rival}, worst case",
        },
        title="first votes",
        x_title="poisoned training images",
        now=radius,
        now_name="certified",
    )


def certified_limits(result: Views) -> str:
    """From how many poisons on the answer is another one, in truth and in the worst case."""

    def first_change(column: str) -> str:
        changed = result["steps"][column] != result["outcome"]["answer"][0]
        return f"changes at {int(changed.argmax())}" if changed.any() else "does not change"

    return (
        f"Certified up to {outcome(result)[2]}. With the networks as retrained, the answer "
        f"{first_change('says')}; in the worst case, it {first_change('worst says')}."
    )


def run_off(result: Views) -> str:
    """How the answer and its rival compare after the poisons."""
    says, rival, _ = outcome(result)
    before, after = (100 * result["steps"]["above"][at] for at in (0, -1))
    return (
        f"{says} is above {rival} on {before:.0f} % of the ballots before, {after:.0f} % after, "
        "which decides a run-off."
    )


DRAWINGS = (
    Drawing("steps", "The votes, poison by poison", votes, certified_limits),
    Drawing(
        "ballots",
        "First votes before and after",
        BarGroups(series=ROUNDS, title="networks"),
        run_off,
        part=lambda table: Table.of({name: (table[name], "") for name in ROUNDS}, table.rows),
    ),
    Drawing("poisons", "The poisons", wide=True),
)
