"""A small classifier on a model's states that says whether a word is made up.

Features of the word w (last token of what is judged): CEV, the residual stream, and IAV, the gate
of the MLP before it is multiplied, after the middle and the last layer. A probe learns

    P(made up) = σ(w · z + b),   z the features, standardized over the training words

Ridder and Schilling 2024, The HalluRAG Dataset, https://arxiv.org/abs/2412.17056, whose probe is a
network of 256, 128 and 64 units; it stands beside the linear one. There a language model judges
each sentence; here scenes are drawn, and the truth of each word is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from engine.core.method import Case, Choice, Method, Progress, defaults, part_of, quiet, setting
from engine.core.result import Floats, Result, Table
from engine.evaluation.language.rates import ScenesCase
from engine.evaluation.language.scene_ranges import PROBED
from engine.hallucination.hallurag.fits import (
    features,
    linear,
    published,
    rated,
    require_words,
    risk_auroc,
    shuffled_auroc,
    word_alone,
)
from engine.hallucination.hallurag.judged import color_questions, named_things
from engine.hallucination.hallurag.readings import AT, WHEN, Flags, Readings, together
from engine.hallucination.mvp.method import MVP

COUNT = 400  # scenes
LEARNED = 0.7  # of the scenes; the probe is tried on the words of the others
BINS = 10

LINEAR, PUBLISHED = "linear probe", "probe of three layers"
CONFIDENCE, SPREAD, WORD = "its own confidence", "its own entropy", "the word alone"


@dataclass(frozen=True)
class ProbeInputs:
    """What a probe reads: settings that its training and its use on an answer share."""

    feature: str = setting(
        "CEV",
        Choice(
            ("CEV", "IAV", "both"),
            titles={"CEV": "states (CEV)", "IAV": "gates (IAV)", "both": "both"},
        ),
        "What is read",
        "The residual stream, or what the MLPs’ gates give.",
    )
    depth: str = setting(
        "both",
        Choice(("middle", "last", "both")),
        "Layers",
        "After which layers it is read. The paper takes the middle and the last.",
    )
    when: str = setting(
        WHEN[AT],
        Choice(WHEN),
        "When",
        "At the word itself, or one word before, when the model has not said it yet.",
    )

    def names(self, layers: int) -> tuple[str, ...]:
        """The states that are read, in the order of the probe's weights."""
        middle = (layers + 1) // 2
        depths = {"middle": (middle,), "last": (layers,), "both": (middle, layers)}[self.depth]
        kinds = ("CEV", "IAV") if self.feature == "both" else (self.feature,)
        return tuple(f"{kind} {at}" for kind in kinds for at in depths)

    def inputs(self, words: Readings, layers: int) -> Floats:
        """What the probe reads of each word, (n, width)."""
        return features(words, self.names(layers), WHEN.index(self.when))


@dataclass(frozen=True)
class HalluRAG(ProbeInputs, Method[ScenesCase]):
    """Whether the model's own states tell that it makes a word up.

    The model describes many scenes. Whenever it names a thing, its states are kept, and the truth
    is known. A small probe learns on 70 % of the scenes which states go with made-up things, and
    is tried on the others. AUROC is the chance that a made-up word gets more risk than a true one:
    0.5 is a coin. Beside the probe stand the model's own confidence, and the word alone, which
    tells how much is won by knowing which things are often made up. As a null, the labels are
    shuffled and learned anew: these probes must lie at 0.5.

    No scene of the pages is among those that it learns from or is tried on.

    A probe that works says that the state holds the information. It does not say that the model
    uses it, and it holds for this model, these scenes and these questions.
    """

    family = "hallucination"
    name = "HalluRAG"
    title = "Does its state tell?"
    cost = "wait"
    revision = 2  # learned from scenes of its own
    paper = "Ridder and Schilling 2024, https://arxiv.org/abs/2412.17056"
    argument_defaults = defaults(count=COUNT)
    proof = "tests/engine/hallucination/hallurag/test_inside.py::test_states_tell_what_is_made_up"

    @classmethod
    def unmet(cls, case: Case) -> str:
        """Why this method cannot be asked about the case, or "" when it can."""
        if isinstance(case, ScenesCase) and isinstance(case.strategy, MVP):
            return "it needs a decoding that describes images; MVP answers questions only."
        return super().unmet(case)

    def __call__(self, case: ScenesCase, progress: Progress = quiet) -> Result:
        """Probes on what the model said of the scenes.

        Returns:
            layers: AUROC of a linear probe on each layer's states and gates, one word before and
                at the word.
            compared: AUROC of the probes, the model's own confidence and entropy, and the word
                alone, with the ends of 90 % of resamples of the scenes.
            shuffled: AUROC after each shuffle of the labels learned from.
            risks: of the words tried, the probe's risk and whether they are made up.
            trust: in bins of the probe's risk, the share of words that are made up.
            questions: about colors, of things there and of things taken out: how often the answer
                is made up; AUROC of a probe for each kind and of one for both.
            probe: weights of the linear probe over its features as they are, then the offset.

        Raises:
            BlindspotError: too few words are made up, or true, to learn from.
        """
        self.check(case)
        sample = case.sample(PROBED)
        words = named_things(case, sample, part_of(progress, 0.0, 0.35))
        # split by scene: words of one caption share an image, and one would give away another
        learned, made_up = words.scene < LEARNED * case.count, words.made_up
        require_words(made_up, learned)
        progress(0.35, "learning probes")
        layers = case.vlm.spec.layers
        inputs = self.inputs(words, layers)
        logit, weights = linear(inputs, made_up, learned)
        rivals = {
            LINEAR: logit,
            PUBLISHED: published(inputs, made_up, learned, case.seed),
            CONFIDENCE: 1 - words.confidence.astype(float),
            SPREAD: words.entropy.astype(float),
            WORD: word_alone(words, learned),
        }
        progress(0.5, "shuffling labels")
        null = shuffled_auroc(inputs, made_up, learned, case.seed)
        readings = color_questions(case, sample, part_of(progress, 0.6, 0.95))
        columns = rated(rivals, made_up, words.scene, ~learned, case.seed)
        progress(1.0, "asked")
        return {
            "layers": layer_auroc(words, learned, layers),
            "compared": Table.of(columns, tuple(rivals)),
            "shuffled": Table.of({"AUROC": (null, "")}),
            "risks": risks(words.among(~learned), expit(logit[~learned])),
            "trust": calibration_table(expit(logit[~learned]), made_up[~learned]),
            "questions": self.by_kind(readings, case),
            "probe": Table.of({"weight": (weights, "logit")}),
        }

    def by_kind(self, readings: Mapping[str, Readings], case: ScenesCase) -> Table:
        """How often each kind of question is answered wrongly, and AUROC of the probes."""
        # both kinds are about the same scenes, whose numbers stay
        joined = together(tuple(readings.values()), [0] * len(readings))
        kinds = np.repeat(list(readings), [len(reading.words) for reading in readings.values()])
        inputs = self.inputs(joined, case.vlm.spec.layers)
        learned = joined.scene < LEARNED * case.count
        shared_risk = learnable(inputs, joined.made_up, learned)
        rows = []
        for kind in readings:
            mine = kinds == kind
            own_risk = learnable(inputs, joined.made_up, learned & mine)
            rates = (
                risk_auroc(risk, joined.made_up, mine & ~learned)
                for risk in (own_risk, shared_risk)
            )
            rows.append([joined.made_up[mine].mean(), *rates])
        units = {"made up": "share", "a probe of its own": "", "one probe for both": ""}
        columns = zip(units.items(), np.array(rows).T, strict=True)
        return Table.of(
            {name: (numbers, unit) for (name, unit), numbers in columns}, tuple(readings)
        )

    def finding(self, case: ScenesCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """How well the probe tells, held against the model's own confidence and the null."""
        rates, null = result["compared"], result["shuffled"]["AUROC"]
        probe, confidence, low = (
            float(rates.cell(*cell))
            for cell in ((LINEAR, "AUROC"), (CONFIDENCE, "AUROC"), (LINEAR, "lowest"))
        )
        # the low end of its interval, against the best that shuffled labels came to by chance
        tells = low > max(float(null.max()), confidence)
        return (
            f"{'Its states tell' if tells else 'Its states hardly tell'} what it makes up: AUROC "
            f"{probe:.2f}, where its own confidence has {confidence:.2f} and a coin 0.50."
        )


def learnable(inputs: Floats, made_up: Flags, learned: Flags) -> Any:
    """The logit of each word, (n,); NaN where there is one kind of words to learn from."""
    if len(np.unique(made_up[learned])) < 2:
        return np.full(len(made_up), np.nan)
    return linear(inputs, made_up, learned)[0]


def layer_auroc(words: Readings, learned: Flags, layers: int) -> Table:
    """AUROC of a linear probe on each layer, for states and gates, before and at the word.

    A row for each layer, the embedding first; it has no gates.
    """
    columns = {}
    for kind in ("CEV", "IAV"):
        for when, name in enumerate(WHEN):
            rates = []
            for at in range(layers + 1):
                state = f"{kind} {at}"
                if state not in words.states:
                    rates.append(np.nan)
                    continue
                logit, _ = linear(features(words, [state], when), words.made_up, learned)
                rates.append(risk_auroc(logit, words.made_up, ~learned))
            columns[f"{kind}, {name}"] = (np.array(rates), "")
    depth = ("the embedding", *(f"layer {at + 1}" for at in range(layers)))
    return Table.of(columns, depth)


def risks(words: Readings, risk: Any) -> Table:
    """The risk of each word that was tried; the word as its note."""
    columns = {"risk": (risk, "share"), "made up": (words.made_up, ""), "scene": (words.scene, "")}
    return Table.of(columns, notes=words.words)


def calibration_table(risk: Any, made_up: Flags) -> Table:
    """Mean risk, share made up, and words, in bins of equal width; NaN in empty ones."""
    # a risk of exactly 1 belongs to the last bin
    at = np.minimum((risk * BINS).astype(int), BINS - 1)
    counts = np.bincount(at, minlength=BINS)
    with np.errstate(invalid="ignore"):
        mean, share = (
            np.bincount(at, amounts, BINS) / counts for amounts in (risk, made_up.astype(float))
        )
    columns = {"risk": (mean, "share"), "made up": (share, "share"), "words": (counts, "words")}
    return Table.of(columns)
