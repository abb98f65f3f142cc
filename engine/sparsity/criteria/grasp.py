"""GraSP: keep the weights whose removal would weaken the flow of the gradient.

s = θ ⊙ (H g), with g the gradient and H the Hessian of the loss of logits ÷ T. The paper's score is
−θ ⊙ (H g) and the largest are removed; here the sign is turned, so that the largest stay. H g is
the derivative of ⟨g, stopped g⟩: no matrix is built.

Wang, Zhang and Grosse, "Picking Winning Tickets Before Training by Preserving Gradient Flow"
(2020), https://arxiv.org/abs/2002.07376
"""

from dataclasses import dataclass

from engine.core.method import Progress, Slider, quiet, setting
from engine.core.result import Result, WeightScores
from engine.sparsity.criteria.slopes import curved, normalized, slopes, weight_of
from engine.sparsity.criteria.snip import PER_CLASS_HELP
from engine.sparsity.method import SparsityMethod
from engine.vision.weights.case import PruneCase
from engine.vision.weights.parts import prunable_parts


@dataclass(frozen=True)
class Grasp(SparsityMethod):
    """Which weights carry the gradient, so that what is left can still learn.

    A positive score: without this weight the network would learn more slowly. A negative one: it
    would learn faster. Scores are divided by the sum of their sizes. It is made for networks
    before training; asked about a trained one, it cuts what magnitude would keep.
    """

    name = "GraSP"
    title = "GraSP"
    cost = "wait"
    paper = "Wang, Zhang & Grosse 2020, https://arxiv.org/abs/2002.07376"
    needs = frozenset({"gradient"})
    proof = (
        "tests/engine/sparsity/test_scores.py"
        "::test_grasp_multiplies_by_the_hessian_as_autograd_does"
    )

    each: int = setting(10, Slider(1, 50, 1), "Images of a class", PER_CLASS_HELP)
    temperature: float = setting(
        200.0,
        Slider(1.0, 500.0, 1.0),
        "Temperature",
        "Logits are divided by it, so that every class has a say.",
    )

    def __call__(self, case: PruneCase, progress: Progress = quiet) -> Result:
        """Views: scores, signed."""
        names = [part.name for part in prunable_parts(case.model)]
        batch, heat = case.batch(self.each), self.temperature

        def half(start: float) -> Progress:
            return lambda done, words="", partial=None: progress(start + done / 2, words, partial)

        # a softmax that is sure of its answers has hardly any slope or curvature: hence T
        gradients = slopes(case.model, *batch, names, half(0.0), temperature=heat)
        curvature = curved(case.model, *batch, gradients, half(0.5), temperature=heat)
        # removal is a step −θ and changes gᵀg by −2 θ ⊙ Hg to first order: large ones must stay
        scores = {name: weight_of(case.model, name) * flow for name, flow in curvature.items()}
        return {"scores": WeightScores(normalized(scores), "share", "sum")}
