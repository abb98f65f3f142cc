"""The question: a model, what it is to forget, the ways that are tried, and one looked at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from components.rebuilt import NETWORKS
from components.section import Section
from components.sidebar.subject import ChosenImage
from engine.core.charts.drawing import Drawing
from engine.core.method import Method
from engine.core.question import Question
from engine.core.result import Checkpoint, Table
from engine.unlearning import AfterCase, BoardCase, GivenCase, Scoreboard, Unlearner
from engine.vision.data import DataSet
from engine.vision.models.classifier import Classifier
from engine.vision.models.rebuild import rebuilt

KEY = "forget"
MODELS = ("original", "unlearned", "retrained")
WORDS = {"original": "before", "unlearned": "after", "retrained": "never saw it"}
Rows = Sequence[Sequence[Section]]  # of a closer look, those of a row side by side


ForgetQuestion = Question[Scoreboard, BoardCase]


@dataclass(frozen=True)
class MethodDetail:
    """A way that is looked at closely, and the scoreboard it stands in."""

    question: ForgetQuestion
    case: AfterCase  # what diagnostics are asked about
    table: Table
    own: ChosenImage | None = None  # of the sidebar, where a part asks about one
    key: str = KEY  # what names of slots, widgets and links begin with

    @property
    def method(self) -> Unlearner:
        return self.case.method

    @property
    def names(self) -> tuple[str, ...]:
        """The models that there are; of opened ones, the retrained may be missing."""
        return tuple(self.case.given) if isinstance(self.case, GivenCase) else MODELS

    @property
    def data(self) -> DataSet:
        return self.case.case.data

    def section(
        self, method: Method[AfterCase], *evidence: Drawing, columns: int = 1, **more: Any
    ) -> Section:
        """A diagnostic of that way, with its drawings and whatever else a section has."""
        return Section(self.key, method, self.case, evidence=evidence, columns=columns, **more)


def each_model(
    view: str, chart: Callable[..., Any], finding: Callable[..., str], names: Sequence[str] = MODELS
) -> list[Drawing]:
    """A drawing for each model: of that view, or of the one that has the model's name.

    Args:
        view: its name in the answer; "" for the model's.
        chart: is told the model and the answer.
        finding: the same.
        names: of the models.
    """
    return [
        Drawing(
            view or name, WORDS[name].capitalize(), partial(chart, name), partial(finding, name)
        )
        for name in names
    ]


def model_of(view: Checkpoint, fingerprint: str, name: str) -> Classifier:
    """The model of a checkpoint; answer, card (with its labels) and name tell models apart."""
    key = repr(("forget", fingerprint, view.card, name))
    return NETWORKS.made(key, lambda: rebuilt(view, name))
