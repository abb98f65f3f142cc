"""A decoding method: settings, a session for the loop, and an answer with its record."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from engine.core.method import Method, Progress, Slider, quiet, setting
from engine.core.result import Ranking, Result, Scores, Table, Tokens, View
from engine.evaluation.language.verdict import verdict
from engine.vision.language.case import CaptionCase
from engine.vision.language.decoding.generate import Spoken, generate
from engine.vision.language.decoding.record import Step, TopTokens
from engine.vision.language.decoding.session import Session, Start
from engine.vision.language.vlm import LOGITS, VLM, ModelSpec, RequestedOutputs

COSTS = ("forward passes", "tokens read", "places looked at")


@dataclass(frozen=True)
class Speaking(Method[CaptionCase]):
    """What all methods share that let a model speak: an image, a prompt, and a length."""

    family = "hallucination"
    cost = "live"

    length: int = setting(
        48,
        Slider(1, 64, 1, "words"),
        "Length",
        "How many words an answer may have at most; twice as many if the model is long-winded.",
    )


@dataclass(frozen=True)
class Strategy(Speaking):
    """What all decoding methods share: the loop, and how an answer is kept."""

    batched: ClassVar[bool] = True  # whether many images can be answered at once

    @abstractmethod
    def session(self, start: Start) -> Session[Any]:
        """Begin to answer."""

    def wanted(self, _spec: ModelSpec, /) -> RequestedOutputs:
        """What the model is to show at every step: logits."""
        return LOGITS

    def __call__(self, case: CaptionCase, progress: Progress = quiet) -> Result:
        """The answer, and how it came about."""
        spoken = generate(
            case.vlm, self, case.images, case.prompts, seed=case.seed, progress=progress
        )
        answer_views = views_of(case.vlm, case.prompt, spoken)
        return {**answer_views, **spoken.views, **self.shown(case, spoken)}

    def finding(self, case: CaptionCase, result: Mapping[str, Any]) -> str:
        """Whether the answer is true; of a caption, what it made up and left out."""
        return verdict(case, result["answer"].words)

    def shown(self, _case: CaptionCase, _spoken: Spoken, /) -> dict[str, View]:
        """What this method shows beside the answer."""
        return {}


def views_of(vlm: VLM, prompt: str, spoken: Spoken) -> dict[str, View]:
    """An answer as views: the words, the best tokens of every step, and the cost.

    Returns:
        answer: the words, their probabilities, and where each looked.
        strong, final and, where something was held against the model, weak: the best tokens.
        cost: forward passes, tokens read, places of the cache that were looked at.
        back: (tokens said, tokens taken back), one row for every time; only where it happened.
    """
    steps = spoken.steps[0]
    views: dict[str, View] = {
        "answer": answer_tokens(vlm, prompt, steps, ended=bool(spoken.ended[0])),
        "strong": best_tokens(vlm, [step.strong for step in steps]),
        "final": best_tokens(vlm, [step.final for step in steps]),
        "cost": Scores(
            np.array([spoken.calls, spoken.read, spoken.looked], np.float32), COSTS, "times"
        ),
    }
    if steps and all(step.weak is not None for step in steps):
        views["weak"] = best_tokens(vlm, [step.weak for step in steps if step.weak is not None])
    if spoken.back:
        lengths, taken = np.array(spoken.back, np.int64).T
        views["back"] = Table.of({"said": (lengths, "words"), "taken back": (taken, "words")})
    return views


def answer_tokens(vlm: VLM, prompt: str, steps: Sequence[Step], *, ended: bool) -> Tokens:
    ids = [step.token for step in steps]
    rows, columns = vlm.spec.grid or (0, 0)
    empty = np.zeros((0, 0, 0, rows * columns), np.float16)
    return Tokens(
        ids=np.array(ids, np.int64),
        probability=np.array([step.share for step in steps], np.float32),
        entropy=np.array([step.entropy for step in steps], np.float32),
        looks=np.stack([step.looks for step in steps]).astype(np.float16) if steps else empty,
        words=tuple(vlm.tokenizer.convert_ids_to_tokens(ids)),
        prompt=prompt,
        grid=(rows, columns),
        ended=ended,
    )


def best_tokens(vlm: VLM, best: Sequence[TopTokens]) -> Ranking:
    """The best tokens of every step, (n, k)."""
    if not best:
        return Ranking(np.zeros((0, 0), np.float32), np.zeros((0, 0), np.int64), (), "probability")
    labels = tuple(
        tuple(vlm.tokenizer.convert_ids_to_tokens(top_tokens.tokens.tolist()))
        for top_tokens in best
    )
    values = np.stack([top_tokens.shares for top_tokens in best])
    return Ranking(
        values, np.stack([top_tokens.tokens for top_tokens in best]), labels, "probability"
    )
