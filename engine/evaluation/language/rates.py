"""A decoding over many scenes: what it invents, what it misses, what it costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from time import perf_counter
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from engine.core.case_base import Case
from engine.core.controls import argument
from engine.core.errors import BlindspotError, DoesNotFit
from engine.core.keeping.lazy import lazy
from engine.core.method import Method, Precision, Progress, Slider, Switch, part_of, quiet
from engine.core.naming import named_by
from engine.core.result import Result, Table
from engine.core.texts import method_field
from engine.evaluation.language.chair import chair
from engine.evaluation.language.scene_ranges import MEASURED, PROBE_START, SceneUse
from engine.evaluation.language.scenes import (
    VOCABULARY,
    SceneBatch,
    captions,
    lie_rate,
    poll_answers,
)
from engine.evaluation.language.strategy import COSTS, Speaking, Strategy
from engine.vision.arguments import seed_argument
from engine.vision.data.layout import Layout, Scene
from engine.vision.data.scenes import Scenes
from engine.vision.language.case import KINDS, CaptionCase, unshown
from engine.vision.language.catalog import kind_argument, shipped_model, shipped_models, vlm_field
from engine.vision.language.scenes import UNSEEN
from engine.vision.language.tiny_vlm.model import TinyVLM
from engine.vision.language.tiny_vlm.sayings import yes_no_question
from engine.vision.language.vlm import VLM

UNITS = dict(zip(COSTS, ("passes", "tokens", "places"), strict=True))
UNITS |= {"words": "words", "seconds": "s"}

SPEED = "words per second"

CostColumn = tuple[list[float], str]  # a column of one row, and its unit


@dataclass(frozen=True, eq=False)
class ScenesCase(Case):
    """A decoding, a model, and scenes that no training has seen.

    Args:
        vlm: the model.
        strategy: how it decodes.
        count: scenes.
        kind: as the scenes' recipe has it: biased, broken, counter …
        clean: every thing at full opacity.
        seed: of the scenes and of every random number.
    """

    case_name: ClassVar[str] = "scenes"
    what: ClassVar[str] = "scenes and a decoding of a vision-language model"
    asks: ClassVar[str] = "vlm"

    vlm: TinyVLM = vlm_field(shipped_model, shipped_models)
    strategy: Speaking = method_field(  # a Strategy, or MVP
        "hallucination.STRATEGIES",
        "decoding",
        "Greedy",
        "Decoding",
        "A decoding by name, with its settings after a colon: VCD:alpha=1.0.",
    )
    count: int = named_by(
        default=100,
        count=argument(
            100, Slider(1, 2000, 1), "Scenes", "How many; none of them was learned from."
        ),
    )
    kind: str = named_by(default="broken", kind=kind_argument())
    clean: bool = named_by(
        default=False,
        clean=argument(
            False,
            Switch(),
            "All things clearly visible",
            "Off, a third of the things are faint: some of what is missed or mistaken is then poor "
            "sight, not habit.",
        ),
    )
    seed: int = named_by(default=0, seed=seed_argument())
    precision: Precision = "exact"

    def __post_init__(self) -> None:
        vlm: Any = self.vlm  # a form or a command may bring another model
        if not isinstance(vlm, TinyVLM):
            raise BlindspotError(
                f"{vlm.title} is asked about one picture: many scenes are for the models that "
                "ship, such as TinyVLM."
            )
        if not 1 <= self.count <= 2000:
            raise BlindspotError(f"{self.count} scenes: choose from 1 to 2000.")
        if reason := unfit(self.vlm, self.strategy):
            raise DoesNotFit(f"{self.strategy.title}: {reason}")

    @lazy
    def fingerprint(self) -> str:
        """Everything the answer depends on, in words: measured tables are kept under it."""
        settings = sorted(self.strategy.settings().items())
        facts = (self.strategy.full_name(), self.strategy.revision, settings, self.vlm.fingerprint)
        words = repr((facts, self.count, self.kind, self.clean, self.seed))
        if self.seed >= PROBE_START - UNSEEN:  # until November 2026 these were a probe's scenes too
            words += "|apart"
        return words if self.precision == "exact" else f"{words}|{self.precision}"

    def layout(self, use: SceneUse = MEASURED) -> Layout:
        """Its scenes, or as many that are drawn for another use.

        Raises:
            BlindspotError: there are none for so high a seed.
        """
        seed, first = use.of(self.seed)
        scenes = Scenes(max(self.count, 10), self.kind, clean=self.clean, seed=seed)
        return scenes.layout(first + np.arange(self.count))

    def sample(self, use: SceneUse = MEASURED) -> SceneBatch:
        """The same as a model sees them."""
        return SceneBatch.of(self.layout(use))

    def scene(self, row: int) -> Scene:
        """One of the scenes, by its place among them."""
        return self.layout().scene(row)

    def lacks(self, need: str) -> str:
        """Why the case cannot give what a method needs, or ""."""
        if need == "captions":
            alone = not isinstance(self.strategy, Strategy)
            return "MVP answers questions only, one by one: it has no captions." if alone else ""
        return super().lacks(need)

    def facts(self) -> dict[str, Any]:
        """What it is, for the record."""
        return super().facts() | {
            "decoding": self.strategy.full_name(),
            "settings": self.strategy.settings(),
            "scenes": f"{self.count} {self.kind}{', clear' if self.clean else ''}",
        }


def unfit(vlm: VLM, strategy: Speaking | type[Speaking]) -> str:
    """Why a model cannot decode so, or ""."""
    return next((why for need in sorted(strategy.needs & KINDS) if (why := unshown(vlm, need))), "")


@dataclass(frozen=True)
class Rates(Method[ScenesCase]):
    """What a decoding invents and misses over many scenes whose truth is known.

    Captions: CHAIR_i is the share of mentions, CHAIR_s the share of captions, that name what is
    not there; recall is the share of the things there that are named: a decoding that says less
    invents less, so read both. The lie rate counts captions that give a leader (a boat) the
    partner (a fish) that is not there. Questions: "is there a …" about the partner of a leader,
    half of them there. Costs are means of one caption. MVP answers questions only, one by one.
    """

    family = "hallucination"
    name = "Rates"
    title = "Over many scenes"
    cost = "wait"
    proof = "tests/engine/hallucination/test_rates.py::test_rates_are_those_of_the_captions"

    def __call__(self, case: ScenesCase, progress: Progress = quiet) -> Result:
        """rates, one row; captions, a row for each scene with the caption as its note.

        Without captions (MVP) the rates of captions and their costs are NaN.
        """
        self.check(case)
        sample = case.sample()
        progress(0.0, "describing")
        result, captioned = caption_rates(case, sample, part_of(progress, 0.0, 0.8))
        asking = 0.8 if captioned else 0.0
        partners = of_partners(case, sample, part_of(progress, asking, 1.0))
        progress(1.0, "asked")
        rates = {**result, **partners}
        return {"rates": Table.of(rates, rows=(case.strategy.title,)), **captioned}


def caption_rates(
    case: ScenesCase, sample: SceneBatch, progress: Progress
) -> tuple[dict[str, CostColumn], dict[str, Table]]:
    """What captions invent, miss and cost, and the captions themselves."""
    names = ("CHAIR_i", "CHAIR_s", "recall", "lie rate", "words", *COSTS, "seconds")
    if not isinstance(case.strategy, Strategy):
        return {name: ([nan], UNITS.get(name, "share")) for name in names}, {}
    begun = perf_counter()
    spoken = captions(case.vlm, sample, case.strategy, seed=case.seed, progress=progress)
    seconds = perf_counter() - begun
    result = chair(spoken.words, sample.truths, VOCABULARY)
    spent = [count / case.count for count in (spoken.calls, spoken.read, spoken.looked)]
    values = (
        result.instance,
        result.sentence,
        result.recall,
        lie_rate(spoken.words, sample),
        result.words,
        *spent,
        seconds,
    )
    invented = np.array([sum(not claim.true for claim in mention) for mention in result.mentions])
    caption_table = Table.of(
        {"invented": (invented, "mentions")},
        rows=[str(number) for number in range(case.count)],
        notes=[" ".join(words) for words in spoken.words],
    )
    rates = {
        name: ([value], UNITS.get(name, "share")) for name, value in zip(names, values, strict=True)
    }
    return rates, {"captions": caption_table}


def of_partners(case: ScenesCase, sample: SceneBatch, progress: Progress) -> dict[str, CostColumn]:
    """Yes/no questions about partners of leaders that are there."""
    rows, categories = np.nonzero(sample.leading())
    if not len(rows):
        return {name: ([nan], "share") for name in ("yes-ratio", "false yes", "missed", "unclear")}
    questions = [yes_no_question(category) for category in categories.tolist()]
    if isinstance(case.strategy, Strategy):
        yes, clear = poll_answers(case.vlm, sample, case.strategy, rows, questions, seed=case.seed)
    else:
        yes, clear = one_by_one(case, case.strategy, sample.pixels[rows], questions, progress)
    present = sample.layout.present[rows, categories]
    return {
        "yes-ratio": ([share(yes, clear)], "share"),
        "false yes": ([share(yes, clear & ~present)], "share"),
        "missed": ([share(~yes, clear & present)], "share"),
        "unclear": ([float(1 - clear.mean())], "share"),
    }


def one_by_one(
    case: ScenesCase,
    strategy: Speaking,
    pixels: Tensor,
    questions: Sequence[str],
    progress: Progress,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether each question is answered by yes, and whether by yes or no; images (n, 3, 64, 64)."""
    yes = []
    for place, (image, question) in enumerate(zip(pixels, questions, strict=True)):
        caption_case = CaptionCase(case.vlm, image, question, case.seed)
        part = part_of(progress, place / len(questions), (place + 1) / len(questions))
        said_yes, said_no = strategy(caption_case, part)["scores"].arrays()["values"]
        yes.append(bool(said_yes >= said_no))
    return np.array(yes), np.ones(len(yes), bool)


def share(hits: NDArray[np.bool_], among: NDArray[np.bool_]) -> float:
    """How many of some; NaN of none."""
    return float(hits[among].mean()) if among.any() else nan


def rates_table(answers: Mapping[str, Result]) -> Table:
    """The rates of every strategy, a row for each, and how fast it was."""
    rates = [cast(Table, answer["rates"]) for answer in answers.values()]
    columns = {
        name: (np.concatenate([rate[name] for rate in rates]), unit)
        for name, unit in zip(rates[0].order, rates[0].units, strict=True)
    }
    speeds = [speed(answer) for answer in answers.values()]
    return Table.of(columns | {SPEED: (speeds, "")}, tuple(answers))


def speed(answer: Result) -> float:
    """Words in a second, all scenes together; NaN without captions."""
    rates = cast(Table, answer["rates"])
    scenes = len(cast(Table, answer["captions"])) if "captions" in answer else 0
    return scenes * float(rates["words"][0]) / float(rates["seconds"][0])
