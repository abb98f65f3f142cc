"""What VASparse makes up when less and less of the memory is kept, by three ways to choose.

Zhuang et al. 2025, VASparse, https://arxiv.org/abs/2501.06553, whose claim this tests: that pruning
with an eye to the image makes up less than pruning by attention alone (top-k) or at random.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.core.method import Case, Method, Progress, defaults, part_of, quiet
from engine.core.result import Floats, Result, Table
from engine.evaluation.language.chair import Chair, chair
from engine.evaluation.language.greedy import Greedy
from engine.evaluation.language.rates import ScenesCase
from engine.evaluation.language.resampling import middle_interval, resampled_sums
from engine.evaluation.language.scenes import VOCABULARY, SceneBatch, captions
from engine.evaluation.language.strategy import Strategy
from engine.hallucination.vasparse.strategy import VASparse
from engine.hallucination.vasparse.thinning import RANKINGS
from engine.vision.language.tiny_vlm.model import TinyVLM

COUNT = 50  # scenes
KEEPS = (0.1, 0.2, 0.4, 0.7, 1.0)
PERCENT = 90  # of the resamples lie in an interval


@dataclass(frozen=True)
class KeepCurve(Method[ScenesCase]):
    """How much is made up when only a share of the tokens is kept.

    Each line is one way to choose the tokens that stay: visual-aware as VASparse does, by attention
    alone (top-k), or at random. Across is the share that is kept, upward CHAIR_i, the share of
    mentions that are made up; the range is where 90 % of resamples of the scenes lie. If the lines
    lie within one another's range, the choice makes no difference that these scenes could show.
    Recall is beside it: whoever names less makes up less. At 100 % nothing is dropped.
    """

    family = "hallucination"
    name = "KeepCurve"
    title = "CHAIR by the share kept"
    cost = "wait"
    paper = "Zhuang et al. 2025, https://arxiv.org/abs/2501.06553"
    argument_defaults = defaults(decoding=VASparse.name, count=COUNT)
    proof = "tests/engine/hallucination/test_curves.py::test_each_point_is_that_of_its_own_captions"

    @classmethod
    def unmet(cls, case: Case) -> str:
        """Why this method cannot be asked about the case, or "" when it can."""
        if isinstance(case, ScenesCase) and not isinstance(case.strategy, VASparse):
            return "it needs scenes and the decoding VASparse."
        return super().unmet(case)

    def __call__(self, case: ScenesCase, progress: Progress = quiet) -> Result:
        """CHAIR over the scenes of the case; its share kept and its ranking are not used.

        Returns:
            curve: a row for each share kept; for each ranking CHAIR_i, the ends of its range
                ("lowest", "highest"), and recall.
            greedy: CHAIR_i and recall of greedy decoding on the same scenes.
        """
        self.check(case)
        strategy = case.strategy
        assert isinstance(strategy, VASparse)  # noqa: S101  # as checked
        sample = case.sample()
        points = [(way, keep) for way in RANKINGS for keep in KEEPS[:-1]]
        rates: dict[tuple[str, float], Chair] = {}
        for at, (way, keep) in enumerate(points):
            part = part_of(progress, at / (len(points) + 1), (at + 1) / (len(points) + 1))
            method = replace(strategy, keep=keep, ranking=way)
            rates[way, keep] = rated(case, sample, method, part)
        # where all is kept nothing is ranked: one run is that of every ranking
        all_kept = rated(case, sample, replace(strategy, keep=KEEPS[-1]), quiet)
        rates |= {(way, KEEPS[-1]): all_kept for way in RANKINGS}
        greedy = rated(case, sample, Greedy(length=strategy.length), quiet)
        progress(1.0, "described")
        return {
            "curve": curve(rates),
            "greedy": Table.of(
                {"CHAIR_i": ([greedy.instance], "share"), "recall": ([greedy.recall], "share")},
                rows=(Greedy.title,),
            ),
        }


def curve_case(vlm: TinyVLM, method: VASparse) -> ScenesCase:
    """The scenes that are asked about; one question whatever share and ranking are set."""
    plain = VASparse()
    return ScenesCase(vlm, replace(method, keep=plain.keep, ranking=plain.ranking), COUNT)


def rated(case: ScenesCase, sample: SceneBatch, method: Strategy, progress: Progress) -> Chair:
    """CHAIR of a decoding over the scenes."""
    spoken = captions(case.vlm, sample, method, seed=case.seed, progress=progress)
    return chair(spoken.words, sample.truths, VOCABULARY)


def curve(rates: dict[tuple[str, float], Chair]) -> Table:
    """A row for each share kept."""
    columns: dict[str, tuple[Floats, str]] = {"kept": (np.array(KEEPS, np.float32), "share")}
    for way in RANKINGS:
        series = [rates[way, keep] for keep in KEEPS]
        ends = np.stack([ends_of(point) for point in series])
        values = {
            "CHAIR_i": np.array([point.instance for point in series], np.float32),
            "lowest": ends[:, 0],
            "highest": ends[:, 1],
            "recall": np.array([point.recall for point in series], np.float32),
        }
        columns |= {f"{way}: {name}": (value, "share") for name, value in values.items()}
    return Table.of(columns, rows=[f"{100 * keep:.0f} %" for keep in KEEPS])


def ends_of(rates: Chair) -> Floats:
    """Where CHAIR_i lies in 90 % of resamples of the captions, (2,); NaN where nothing is named."""
    invented = [
        sum(not claim.true for claim in caption_mentions) for caption_mentions in rates.mentions
    ]
    return resampled(invented, [len(caption_mentions) for caption_mentions in rates.mentions])


def resampled(part: Sequence[int], whole: Sequence[int]) -> Floats:
    """The 5th and 95th percentile of a ratio of sums over resampled scenes, (2,)."""
    numerators, denominators = resampled_sums(np.stack([part, whole], 1)).T
    with np.errstate(invalid="ignore"):
        return np.array(middle_interval(numerators / denominators, PERCENT), np.float32)
