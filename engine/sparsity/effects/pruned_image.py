"""What a pruned copy of the model says of one image, and where it looks."""

from dataclasses import dataclass, replace

from engine.core.method import Case, Method, Progress, Slider, part_of, quiet, setting
from engine.core.result import Result, Table
from engine.core.run import answer
from engine.evaluation.maps.grad_cam import GradCam
from engine.evaluation.maps.gradient import Gradient
from engine.sparsity.method import lacks_parts
from engine.sparsity.prune import Prune
from engine.vision.case import ImageCase
from engine.vision.case.prediction import Prediction
from engine.vision.weights.case import prune_case

SHARE = 0.7  # of the weights, as the start page asks


@dataclass(frozen=True)
class PrunedImage(Method[ImageCase]):
    """What the model says of this image when the weights that count least are zero.

    A copy of the model is pruned by magnitude over all layers, without any training afterwards. The
    answer is a probability; the heat map is Grad-CAM, or the gradient where a model has no
    convolutions. That one image keeps its answer does not say that others do.
    """

    name = "PrunedImage"
    family = "sparsity"
    title = "The image in a pruned copy"
    cost = "wait"
    needs = frozenset({"class", "gradient"})
    proof = (
        "tests/engine/sparsity/test_harm.py"
        "::test_a_pruned_copy_says_of_an_image_what_the_pruned_model_says_and_where_that_looks"
    )

    ratio: float = setting(
        SHARE, Slider(0.0, 0.99, 0.01), "Taken out", "The share of the weights that is cut."
    )

    @classmethod
    def unmet(cls, case: Case) -> str:
        """No class, no gradient, or nothing that can be pruned."""
        if (reason := super().unmet(case)) or not isinstance(case, ImageCase):
            return reason
        return lacks_parts(case.model)

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Views: classes and map of the pruned copy; cut, the share of the weights that is.

        Raises:
            BlindspotError: the images that the model learned from cannot be had.
        """
        progress(0.0, "getting the model's images ready")
        pruning_case = prune_case(case.model, case.seed)
        rule = Prune(ratio=self.ratio)
        masks = rule.masks(pruning_case, part_of(progress, 0.1, 0.8, "scoring the weights"))
        progress(0.8, "asking the pruned copy")
        pruned = replace(case, model=rule.made(pruning_case, masks))
        heat_method: Method[ImageCase] = Gradient() if GradCam.unmet(pruned) else GradCam()
        classes = answer(Prediction(), pruned)["classes"]
        progress(0.9, "looking where it looks")
        heat_map = answer(heat_method, pruned)["map"]
        progress(1.0, "asked the pruned copy")
        return {
            "classes": classes,
            "map": heat_map,
            "cut": Table.of({"share": ([masks.sparsity], "share")}, ("pruned",)),
        }
