"""One image of a study, looked at again: every method's map of every label, and their figures."""

from dataclasses import dataclass, field

from engine.attribution.study.case import StudyCase
from engine.attribution.study.images import StudyImage
from engine.attribution.study.measure import alike, compute_map, count_passes, on_mask
from engine.attribution.study.methods import Explainer
from engine.attribution.study.study import PAPER, unfit
from engine.core.errors import BadSetting
from engine.core.method import Case, Choice, Method, Progress, quiet, setting
from engine.core.result import HeatMap, Result, Table

SEPARATOR = " · "


@dataclass(frozen=True)
class StudyMaps(Method[StudyCase]):
    """Every method's map of each label of one image of the study.

    Rows are labels, columns methods. A map that hardly changes from row to row does not say why
    this label rather than that one. Maps of one method share a scale, so that a faint row is
    faint; scales of different methods have different units and cannot be compared.
    """

    name = "StudyMaps"
    family = "attribution"
    title = "Maps of one image"
    cost = "wait"
    paper = PAPER
    proof = (
        "tests/engine/attribution/study/test_study.py"
        "::test_the_maps_of_an_image_are_those_that_the_study_measured"
    )

    image: str | None = setting(
        None, Choice(source="images", off="the first"), "Image", "Which of the study's images."
    )

    @classmethod
    def unmet(cls, case: Case) -> str:
        """Why it cannot be asked, or ""."""
        return super().unmet(case) or unfit(case)

    def __call__(self, case: StudyCase, progress: Progress = quiet) -> Result:
        """Views: figures, a row for each label and method; then maps, named label · method."""
        study_image = self.wanted(case)
        with count_passes(case.model) as (model, counter):
            maps = Maps(case, study_image)
            for place, label in enumerate(study_image.targets):
                question = case.question(study_image, label, model)
                for number, method in enumerate(case.methods):
                    maps.add(place, method, compute_map(method, question, counter).view)
                    done = place * len(case.methods) + number + 1
                    progress(done / len(study_image.targets) / len(case.methods), method.title)
        return {"figures": maps.figures()} | maps.views

    def wanted(self, case: StudyCase) -> StudyImage:
        """The image. Raises BadSetting when the study has none of that id."""
        if self.image is None:
            return case.images[0]
        for image in case.images:
            if str(image.id) == self.image:
                return image
        known = ", ".join(case.options("images"))
        raise BadSetting(f"{self.title}: Image cannot be {self.image!r}; choose one of {known}.")


@dataclass
class Maps:
    """The maps of one image so far."""

    case: StudyCase
    image: StudyImage
    views: dict[str, HeatMap] = field(default_factory=dict)
    located: dict[str, dict[str, float]] = field(default_factory=dict)

    def name(self, label: int, method: str) -> str:
        """Of a view."""
        return SEPARATOR.join((self.case.model.labels[label], method))

    def add(self, place: int, method: Explainer, view: HeatMap) -> None:
        """A map; the one of a rival has no mask to be held against."""
        name = self.name(self.image.targets[place], method.name)
        self.views[name] = view
        if place < len(self.image.labels):
            self.located[name] = on_mask(view.values, self.image.masks[place])

    def likeness(self, method: str) -> float:
        """The mean cosine of a method's maps."""
        names = [self.name(label, method) for label in self.image.targets]
        return alike([self.views[name].values for name in names])

    def figures(self) -> Table:
        """Where each map lies, and how alike those of its method are."""
        likeness = {method.name: self.likeness(method.name) for method in self.case.methods}
        columns = {
            what: ([figures[what] for figures in self.located.values()], "share")
            for what in next(iter(self.located.values()))
        }
        cosines = [likeness[name.rsplit(SEPARATOR, 1)[1]] for name in self.located]
        return Table.of(columns | {"cross-label cosine": (cosines, "cosine")}, [*self.located])
