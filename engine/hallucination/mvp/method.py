"""MVP: the model looks three ways, follows several answers from each, and the surest one wins.

Look: three captions v of the image, drawn at temperature 0.7 from the 0.95 nucleus.
Compare: behind each caption the question is asked again; of the k likeliest first words of the
answer, yes and no count with their probability p, and every other with p ≥ 0.001 is followed until
it says yes or no. There the certainty is d = p(1st) − p(2nd), and the path counts with p · d.
Decide: S(answer) = Σ_v w_v Σ_paths p · d, with d = 1 for a first word that is yes or no; the answer
with the larger S is given.

Qu et al. 2024, Look, Compare, Decide: Alleviating Hallucination in Large Vision-Language Models via
Multi-View Multi-Path Reasoning, https://arxiv.org/abs/2408.17150, section 3. The released scripts
(github.com/GasolSun36/MVP) do not run as they stand: their sampled branch adds to variables that
were never set, and their last sum pairs three weights with two answers. This is the formula. As
there, a path that never says yes or no counts as yes with all of p; `silent` turns that off.
Certainty is read from the model's own distribution, before temperature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from engine.core.method import Progress, Slider, Switch, defaults, part_of, quiet, setting
from engine.core.result import Result, Scores, Table, View
from engine.evaluation.language.strategy import COSTS, Speaking, answer_tokens
from engine.hallucination.decoding.sampling import Sampling, sample_tokens
from engine.vision.language.case import CaptionCase
from engine.vision.language.decoding.generate import Spoken, generate
from engine.vision.language.decoding.noise import seed_for
from engine.vision.language.decoding.record import Step
from engine.vision.language.decoding.session import Moment, Move, Proposal, Session, Start
from engine.vision.language.vlm import LOGITS, VLM, ModelSpec, Prompts, RequestedOutputs, StepOut

VIEWS: Mapping[str, str] = dict(
    zip(("bottom-up", "top-down", "regular"), Prompts().views, strict=True)
)
"""The three ways to look, and how TinyVLM is asked for each; other models have other prompts."""
LEAST = 1e-3  # probability of a first word that is followed


@dataclass(frozen=True)
class MVP(Speaking):
    """The answer to a yes-or-no question that is surest over three ways to look.

    The model describes the picture closely, overall, and plainly. With each description before it,
    it is asked the question again, and several beginnings of an answer are followed to their yes or
    no. A path counts by how likely its beginning was and how sure the model was of its yes or no.
    All descriptions are the model's own: what it makes up there, it may believe here.
    """

    name = "MVP"
    title = "MVP"
    paper = "Qu et al. 2024, https://arxiv.org/abs/2408.17150"
    needs = frozenset({"yes or no"})
    argument_defaults = defaults(ask="is there a boat")
    revision = 2  # words that are drawn belong to the image and the question
    proof = "tests/engine/hallucination/mvp/test_mvp.py::test_the_score_is_that_of_a_brute_force"

    paths: int = setting(
        3, Slider(1, 10, 1, "words"), "Paths k", "How many first words are followed from each view."
    )
    closely: float = setting(
        0.4, Slider(0.0, 1.0, 0.1), "Weight of bottom-up", "How much the close description counts."
    )
    overall: float = setting(
        0.4, Slider(0.0, 1.0, 0.1), "Weight of top-down", "How much the overall description counts."
    )
    plainly: float = setting(
        0.2,
        Slider(0.0, 1.0, 0.1),
        "Weight of regular",
        "How much the plain description counts. The three are divided by their sum.",
    )
    temperature: float = setting(
        0.7,
        Slider(0.0, 1.0, 0.1),
        "Temperature",
        "Of the words that follow a first word; at 0 the likeliest is taken.",
    )
    silent: bool = setting(
        True,
        Switch(),
        "Silence is yes",
        "A path that never says yes or no counts as yes, as in "
        "the released code; off, it does not count.",
    )

    @property
    def weights(self) -> tuple[float, float, float]:
        """Of the three views, adding up to 1; alike when all are 0."""
        weights = self.closely, self.overall, self.plainly
        total = sum(weights)
        if total == 0:
            return 1 / 3, 1 / 3, 1 / 3
        return weights[0] / total, weights[1] / total, weights[2] / total

    def __call__(self, case: CaptionCase, progress: Progress = quiet) -> Result:
        """Look, compare, decide.

        Returns:
            answer: the words of the path that counts most for the answer.
            bottom-up, top-down, regular: the three captions.
            paths: every path: view (0 to 2), probability of its first word, certainty, what it says
                (1 yes, 0 no, NaN neither), and what it adds to its answer's score; its words as
                note.
            scores: S of yes and no.
            cost: of everything together.
        """
        self.check(case)
        vlm, images = case.vlm, case.images.expand(3, -1, -1, -1)
        seed = seed_for(case.images[0], case.seed, case.prompt)
        prompts = vlm.spec.prompts
        view_prompts = [vlm.tokenizer.encode(prompt) for prompt in prompts.views]
        descriptions = generate(
            vlm,
            Sampling(length=self.length, temperature=0.7, top=0.95),
            images,
            padded(view_prompts, vlm),
            seed=seed,
            progress=part_of(progress, 0.0, 0.5),
        )
        captions = [
            vlm.tokenizer.decode([step.token for step in steps]) for steps in descriptions.steps
        ]
        question_prompts = [
            vlm.tokenizer.encode(prompts.again.format(caption=caption, question=case.prompt))
            for caption in captions
        ]
        answers = generate(
            vlm,
            Following(self),
            images,
            padded(question_prompts, vlm),
            seed=seed,
            progress=part_of(progress, 0.5, 1.0),
        )
        firsts = answers.views["first"]
        assert isinstance(firsts, Table)  # noqa: S101  # the session below gives it
        count = len(answers.steps) // 3
        trails = tuple(
            self.weighed(vlm.spec, row // count, float(share), steps)
            for row, (share, steps) in enumerate(
                zip(firsts["probability"], answers.steps, strict=True)
            )
        )
        best = best_of(trails)
        ended = bool(answers.ended[best])
        views: dict[str, View] = {
            "answer": answer_tokens(vlm, case.prompt, answers.steps[best], ended=ended)
        }
        for place, (name, prompt) in enumerate(VIEWS.items()):
            ended = bool(descriptions.ended[place])
            views[name] = answer_tokens(vlm, prompt, descriptions.steps[place], ended=ended)
        views["paths"] = table(vlm, trails, answers.steps, firsts.rows)
        views["scores"] = Scores(np.array(totals(trails), np.float32), ("yes", "no"), "score")
        views["cost"] = total_cost(descriptions, answers)
        return views

    def weighed(self, spec: ModelSpec, view: int, share: float, steps: Sequence[Step]) -> Trail:
        """What a path says, how surely, and what that adds to its answer's score.

        Args:
            spec: of the model.
            view: which of the three.
            share: probability of the path's first word.
            steps: its record.
        """
        place = next(
            (at for at, step in enumerate(steps) if step.token in {*spec.yes, *spec.no}), None
        )
        # a first word that is the answer needs no following, however unlikely it is
        followed = share >= LEAST or place == 0
        weight = self.weights[view] * share * followed
        if place is None:
            return Trail(view, share, np.nan, None, weight * self.silent)
        says = steps[place].token in spec.yes
        if place == 0:
            return Trail(view, share, 1.0, says, weight)
        first, second = steps[place].strong.shares[:2].tolist()
        return Trail(view, share, first - second, says, weight * (first - second))


@dataclass(frozen=True)
class Trail:
    """One path.

    Args:
        view: the description that stood before it, 0 to 2.
        share: probability of its first word.
        sure: certainty, 0 to 1; 1 where the first word is the answer, NaN without an answer.
        says: whether it says yes; None for neither, which counts as yes.
        adds: to the score of its answer.
    """

    view: int
    share: float
    sure: float
    says: bool | None
    adds: float


def totals(trails: Sequence[Trail]) -> tuple[float, float]:
    """S of yes and of no."""
    no = sum(trail.adds for trail in trails if trail.says is False)
    # yes is all that is not no: silent paths are among it
    return sum(trail.adds for trail in trails) - no, no


def best_of(trails: Sequence[Trail]) -> int:
    """The path that adds most to the answer that wins; yes where both are alike."""
    yes, no = totals(trails)
    agreeing = [place for place, trail in enumerate(trails) if (trail.says is False) == (no > yes)]
    return max(
        agreeing or range(len(trails)), key=lambda place: (trails[place].adds, trails[place].share)
    )


def table(
    vlm: VLM, found: Sequence[Trail], steps: Sequence[Sequence[Step]], firsts: Sequence[str]
) -> Table:
    """All paths, named by their first word, with their words as notes."""
    answers = [np.nan if trail.says is None else float(trail.says) for trail in found]
    columns: dict[str, tuple[list[float], str]] = {
        "view": ([trail.view for trail in found], ""),
        "probability": ([trail.share for trail in found], "probability"),
        "certainty": ([trail.sure for trail in found], "probability"),
        "says yes": (answers, ""),
        "adds": ([trail.adds for trail in found], "score"),
    }
    notes = [vlm.tokenizer.decode([step.token for step in path]) for path in steps]
    arrays = {
        name: (np.array(values, np.float32), unit) for name, (values, unit) in columns.items()
    }
    return Table.of(arrays, firsts, notes)


def total_cost(*parts: Spoken) -> Scores:
    """What several answers cost together."""
    counts = [(part.calls, part.read, part.looked) for part in parts]
    return Scores(np.array(counts, np.float32).sum(0), COSTS, "times")


def padded(prompts: Sequence[Sequence[int]], vlm: VLM) -> Tensor:
    """Prompts of different lengths, padded on the left, (B, P)."""
    longest = max(len(prompt) for prompt in prompts)
    filled = [[vlm.spec.pad] * (longest - len(prompt)) + list(prompt) for prompt in prompts]
    return torch.tensor(filled, device=vlm.device)


@dataclass(frozen=True)
class Following:
    """How the loop follows paths: every row is asked for its k likeliest first words."""

    batched: ClassVar[bool] = True

    method: MVP

    @property
    def length(self) -> int:
        """Words that a path may have."""
        return self.method.length

    def wanted(self, _spec: ModelSpec, /) -> RequestedOutputs:
        """Logits only."""
        return LOGITS

    def session(self, start: Start) -> Paths:
        """Begin to follow."""
        return Paths(self.method, start)


class Paths(Session[MVP]):
    """Paths of a view stand one after the other; each ends with its yes or no."""

    def __init__(self, method: MVP, start: Start) -> None:
        super().__init__(method, start)
        spec = start.model.vlm.spec
        self.answers = torch.tensor([*spec.yes, *spec.no], device=start.out.logits.device)
        self.end = spec.eos
        result = start.out.logits.softmax(-1).topk(min(method.paths, spec.vocabulary))
        self.shares, self.firsts = result.values.flatten(), result.indices.flatten()
        self.many = result.values.shape[1]

    def opened(self) -> StepOut:
        """The output, once for every path."""
        rows = torch.arange(len(self.start.out.logits), device=self.answers.device)
        return self.start.out.take(rows.repeat_interleave(self.many))

    def propose(self, now: Moment, /) -> Proposal:
        """The model's own distribution for the first word, then the tempered one."""
        logits, heat = now.out.logits, self.method.temperature
        unscaled = not now.said.shape[1] or heat == 0
        return Proposal(logits if unscaled else logits / heat, logits)

    def choose(self, proposal: Proposal, now: Moment, /) -> Move:
        """The first words, then words that are drawn, until yes or no was said."""
        if not now.said.shape[1]:
            return Move(self.firsts)
        # a path that is not followed ends here, so that all rows stay in one batch
        over = torch.isin(now.said, self.answers).any(1) | (self.shares < LEAST)
        if self.method.temperature == 0:
            tokens = proposal.scores.argmax(-1)
        else:
            tokens = sample_tokens(proposal.scores, self.start.generator)
        return Move(tokens.masked_fill(over, self.end))

    def views(self) -> dict[str, View]:
        """The first word of each path and its probability."""
        names = self.start.model.vlm.tokenizer.convert_ids_to_tokens(self.firsts.tolist())
        shares = self.shares.float().cpu().numpy()
        return {"first": Table.of({"probability": (shares, "probability")}, names)}
