"""Each forgotten image: how sure the model was of it before, after, and when it never saw it."""

from dataclasses import dataclass

from engine.core.method import Progress, quiet
from engine.core.result import Result, Table
from engine.unlearning.around import AfterCase
from engine.unlearning.diagnostics.base import Diagnostic, compared_models
from engine.unlearning.protocol.metrics import evaluate_model


@dataclass(frozen=True)
class Confidence(Diagnostic):
    """The probability of the learned label, for each image that was to be forgotten.

    The third value, of the model that never saw the image, is where the second should be. An image
    that the retrained model knows as well needs no forgetting: others taught it the same. Lines
    stand in the order of the fall from before to after.
    """

    name = "Confidence"
    title = "Confidence shift"
    proof = (
        "tests/engine/unlearning/test_diagnostics.py"
        "::test_confidences_are_the_probabilities_of_the_label"
    )

    def __call__(self, case: AfterCase, progress: Progress = quiet) -> Result:
        """Views: images: id, label, the three models' probability of it, the class they see."""
        models = compared_models(case, progress)
        rows = case.case.splits.forget
        answers = {name: evaluate_model(model, case.case).forget for name, model in models.items()}
        fall = answers["original"].confidence - answers["unlearned"].confidence
        order = (-fall).argsort(kind="stable")
        columns = {
            "id": (case.case.data.ids[rows][order], ""),
            "label": (case.case.data.labels[rows][order], ""),
            **{
                name: (model_answers.confidence[order], "probability")
                for name, model_answers in answers.items()
            },
            **{
                f"seen by {name}": (model_answers.probabilities.argmax(1)[order], "")
                for name, model_answers in answers.items()
            },
        }
        progress(1.0, "compared")
        return {"images": Table.of(columns)}
