"""The section "Sensitivity": what is lost when a single layer is cut."""

from components.prune.asked import KEY, PruneQuestion
from components.section import Section
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.matrix import Matrix
from engine.core.charts.words import percent
from engine.core.result import Table
from engine.sparsity import Masks, agreement_only
from engine.sparsity.criteria.magnitude import Magnitude
from engine.sparsity.effects.sensitivity import DENSE, OFFERED, PIECES, RATIOS, Sensitivity

STEEP = 0.05  # of the whole model's accuracy


def show(question: PruneQuestion, masks: Masks) -> None:
    """Accuracy by layer and ratio; measured on request."""
    del masks
    method = method_of(question)
    right = "as before" if agreement_only(question.case) else "right"
    Section(
        KEY,
        method,
        question.case,
        "How sensitive is each layer?",
        button="Cut each layer alone",
        before=f"One layer at a time by {method.criterion}, all others as they are, nothing "
        f"trained.{method.fewer(question.case)}",
        evidence=(
            Drawing(
                "accuracy",
                finding=lambda result: finding(result, right),
                chart=lambda result: sensitivity_matrix(result["accuracy"], right),
            ),
        ),
    ).show()


def method_of(question: PruneQuestion) -> Sensitivity:
    cut = question.method
    return Sensitivity(
        criterion=cut.criterion if cut.criterion in OFFERED else Magnitude.title,
        structure=cut.structure if cut.structure in PIECES else PIECES[0],
        head=cut.head,
    )


def sensitivity_matrix(table: Table, right: str) -> Matrix:
    texts = [[f"{100 * share:.0f}" for share in line] for line in table.values]
    return Matrix(texts=texts, x_title="cut from this layer alone", bar=f"{right} (%)")


def finding(result: Views, right: str) -> str:
    table, whole = result["accuracy"], float(result["figures"][DENSE])
    first = zip(table.rows, table.values[:, 0], strict=True)
    weak = [name for name, share in first if share < whole - STEEP]
    words = f"Each square: test images {right} (%), of {percent(whole)} in the whole model."
    if weak:
        words += f" Loses over five points at {percent(RATIOS[0])} already: {', '.join(weak[:4])}"
        words += f" and {len(weak) - 4} more." if len(weak) > 4 else "."
    return words
