"""Every strategy over several draws of scenes and four models: measured, kept, read again.

A slow test measures and keeps; the page Decoding and docs/measured.md show what is kept.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from math import nan
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from engine.core.keeping.store import write_atomic
from engine.core.method import Progress, part_of, quiet
from engine.core.result import Result, Scores, Table
from engine.evaluation.language.greedy import Greedy
from engine.evaluation.language.rates import Rates, ScenesCase
from engine.evaluation.language.strategy import Speaking
from engine.hallucination.decoding.beam import Beam
from engine.hallucination.decoding.dola import DoLa
from engine.hallucination.decoding.opera import OPERA
from engine.hallucination.decoding.sampling import Sampling
from engine.hallucination.decoding.vcd import VCD
from engine.hallucination.measures.over_trust import largest_penalty
from engine.hallucination.mvp.method import MVP
from engine.hallucination.vasparse.strategy import VASparse
from engine.vision.language.case import CaptionCase
from engine.vision.language.tiny_vlm import weights
from engine.vision.language.tiny_vlm.sayings import PROMPTS, yes_no_question

DECODING_FILE = Path(__file__).parents[3] / "assets" / "decoding.json"
MODELS = (*weights.DENSE, weights.LONG)
SCENES, DRAWS, ALONE = 40, (0, 1, 2), 8
LONG_SCENES = 100  # of the long-winded model
COMPARED: tuple[Speaking, ...] = (
    Greedy(),
    Sampling(),
    Beam(),
    VCD(),
    DoLa(),
    VASparse(),
    OPERA(),
    MVP(),
)
# what is for long answers, and the plain ways beside it
AT_LENGTH: tuple[Speaking, ...] = (Greedy(), Beam(), VASparse(), OPERA())
RATES = ("CHAIR_i", "CHAIR_s", "recall", "lie rate", "false yes", "missed", "words")
COSTS = {"passes": "forward passes", "places": "places looked at"}
SAME = "same as plain"
TRUST = ("largest ln φ", "words in its column", "attention to it")
BACK = "times gone back"
FIGURES = (*RATES, *COSTS, SAME, *TRUST, BACK)
COARSE = {"words", "passes", TRUST[0], BACK}

Figures = Mapping[str, float]


@dataclass(frozen=True)
class StrategyCell:
    """One strategy, one model, one draw of scenes.

    Args:
        model: its name.
        strategy: its name.
        draw: the seed of the scenes.
        digest: of everything the figures depend on.
        figures: by the names of `FIGURES`; NaN where there is none.
    """

    model: str
    strategy: str
    draw: int
    digest: str
    figures: Figures


def measured_cases(model: str) -> Iterator[ScenesCase]:
    """All that is measured of a model; of every draw the plain strategies come first."""
    for draw in DRAWS:
        for strategy in measured_strategies(model):
            yield ScenesCase(weights.load(model), strategy, scenes_of(model), seed=draw)


def measured_strategies(model: str) -> tuple[Speaking, ...]:
    """The strategies that a model is measured with."""
    return AT_LENGTH if model == weights.LONG else COMPARED


def scenes_of(model: str) -> int:
    """How many scenes to a draw."""
    return LONG_SCENES if model == weights.LONG else SCENES


def digest(case: ScenesCase) -> str:
    """Of everything that a cell depends on."""
    text = f"{Rates.full_name()}|{Rates.revision}|{ALONE}|{case.fingerprint}"
    return blake2b(text.encode(), digest_size=8).hexdigest()


def baseline_name(strategy: Speaking) -> str:
    """The name of what a strategy is without its idea: what it is compared with."""
    return Beam.name if isinstance(strategy, OPERA) else Greedy.name


def measure(model: str, progress: Progress = quiet) -> tuple[StrategyCell, ...]:
    """Measure everything of a model; takes minutes."""
    cases = list(measured_cases(model))
    captions: dict[tuple[int, str], list[str]] = {}
    cells = []
    for at, case in enumerate(cases):
        part = part_of(progress, at / len(cases), (at + 1) / len(cases), "measuring")
        result = Rates()(case, part)
        notes = captions_of(result)
        captions[case.seed, case.strategy.name] = notes
        rates = cast(Table, result["rates"])
        figures = {name: float(rates[name][0]) for name in RATES}
        figures |= description_costs(case) | {
            SAME: same(notes, captions[case.seed, baseline_name(case.strategy)])
        }
        cells.append(StrategyCell(model, case.strategy.name, case.seed, digest(case), figures))
    return tuple(cells)


def captions_of(result: Result) -> list[str]:
    """What was said of each scene; empty without captions."""
    return list(cast(Table, result["captions"]).notes) if "captions" in result else []


def same(captions: list[str], others: list[str]) -> float:
    """The share of captions that are the same, word for word; NaN of none."""
    pairs = list(zip(captions, others, strict=False))
    return sum(first == second for first, second in pairs) / len(pairs) if pairs else nan


def description_costs(case: ScenesCase) -> dict[str, float]:
    """Costs of one description (of MVP: one answer), and how far OPERA's φ reaches: means."""
    results = [spent(case.strategy, single) for single in singles(case)]
    names = {name for result in results for name in result}
    return {
        name: float(np.mean([result[name] for result in results if name in result]))
        for name in names
    }


def singles(case: ScenesCase) -> list[CaptionCase]:
    """A few of the questions, to be asked one at a time."""
    sample = case.sample()
    if isinstance(case.strategy, MVP):
        rows, categories = (indices[:ALONE].tolist() for indices in np.nonzero(sample.leading()))
        pairs = list(zip(rows, map(yes_no_question, categories), strict=True))
    else:
        pairs = [(row, PROMPTS["image"]) for row in range(ALONE)]
    return [CaptionCase(case.vlm, sample.pixels[row], prompt, case.seed) for row, prompt in pairs]


def spent(strategy: Speaking, case: CaptionCase) -> dict[str, float]:
    """What one answer cost, and how far φ reaches where there is one."""
    result = strategy(case)
    cost = cast(Scores, result["cost"])
    by_name = dict(zip(cost.labels, cost.values.tolist(), strict=True))
    results = {name: float(by_name[label]) for name, label in COSTS.items()}
    penalty = largest_penalty(strategy, result) if isinstance(strategy, OPERA) else None
    if penalty is not None:
        results |= dict(zip(TRUST, (penalty.log, penalty.words, penalty.share), strict=True))
    if isinstance(strategy, OPERA):
        results[BACK] = float(len(cast(Table, result["back"]))) if "back" in result else 0.0
    return results


# ---------------------------------------------------------------- what is kept


def write(cells: tuple[StrategyCell, ...], path: Path = DECODING_FILE) -> None:
    """Keep what was measured. Raises OSError."""
    records: list[dict[str, Any]] = [
        {
            "model": cell.model,
            "strategy": cell.strategy,
            "draw": cell.draw,
            "digest": cell.digest,
            "figures": {
                name: float(f"{value:.5g}")
                for name in FIGURES
                if np.isfinite(value := cell.figures.get(name, nan))
            },
        }
        for cell in cells
    ]
    lines = ",\n".join(json.dumps(record, ensure_ascii=False) for record in records)
    write_atomic(path, f"[\n{lines}\n]\n".encode())


@cache
def read_measured(path: Path = DECODING_FILE) -> tuple[StrategyCell, ...]:
    """What was measured."""
    return tuple(StrategyCell(**record) for record in json.loads(path.read_text()))


def summary(
    model: str, cells: tuple[StrategyCell, ...] | None = None
) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Of one model, by strategy and figure: a value for each draw, (draws,)."""
    model_cells = [
        cell for cell in (read_measured() if cells is None else cells) if cell.model == model
    ]
    names = dict.fromkeys(cell.strategy for cell in model_cells)
    return {
        name: {
            figure: np.array(
                [cell.figures.get(figure, nan) for cell in model_cells if cell.strategy == name]
            )
            for figure in FIGURES
        }
        for name in names
    }


def figures_text(figures: Mapping[str, NDArray[np.float64]]) -> str:
    """A strategy's figures in words, mean ± standard deviation over the draws."""
    phrases = []
    for name, values in figures.items():
        if np.isfinite(values).all():
            digits = 0 if name == "places" else 1 if name in COARSE else 3
            # a few draws stand for all scenes that could be drawn: n − 1
            spread = values.std(ddof=1) if len(values) > 1 else nan
            phrases.append(f"{name} {values.mean():.{digits}f} ± {spread:.{digits}f}")
    return "; ".join(phrases)
