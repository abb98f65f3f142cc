"""How the criterion "Learned N:M" chose, where it did."""

from components.draw import sharpening
from components.prune.asked import KEY, PruneQuestion
from components.section import Section
from engine.sparsity import LearnedPattern
from engine.vision.weights.course import changed_words, weights_words


def show(question: PruneQuestion) -> None:
    """The candidates over the steps; nothing by another criterion."""
    method = question.method.scoring
    if not isinstance(method, LearnedPattern):
        return
    Section(
        f"{KEY}.learning",
        method,
        question.case,
        f"How {method.pattern} was learned",
        sentence=lambda result: (
            f"{changed_words(result['course'])} {weights_words(result['weights'])}"
        ),
        evidence=sharpening.drawings(),
    ).show()
