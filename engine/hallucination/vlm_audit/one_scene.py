"""One scene under the audit: the picture before and after, and the answer word by word."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.core.case_base import Case
from engine.core.method import Choice, Method, Progress, Slider, Switch, part_of, quiet, setting
from engine.core.result import Curve, Pictures, Result, Table, Tokens
from engine.evaluation.measures.levels import as_picture, levels_of, levels_to_pixels
from engine.evaluation.measures.likeness import visible
from engine.hallucination.vlm_audit.defenses import DEFENSES, NONE, STRENGTHS, defense, disagreement
from engine.hallucination.vlm_audit.perturb import (
    PAPER,
    Bound,
    Loss,
    Pass,
    as_it_is,
    noisy,
    of_phrases,
    perturbed,
)
from engine.hallucination.vlm_audit.phrases import (
    GREEDY,
    PHRASES,
    answers,
    losses,
    matches_phrase,
    taught,
    word_losses,
)
from engine.vision.language.case import CaptionCase
from engine.vision.language.tiny_vlm.model import TinyVLM
from engine.vision.language.tiny_vlm.words import tidy
from engine.vision.language.vlm import VLM

MAGNIFIED = 10  # times, in the picture of the change
BEFORE, AFTER, CONTROL = "before", "after", "random noise"


@dataclass(frozen=True)
class Aim:
    """What a picture is moved towards.

    Args:
        loss: what the steps lower.
        words: as a sentence.
    """

    loss: Loss
    words: str


def towards(vlm: TinyVLM, prompt: str, phrase: str) -> Aim:
    """That the model says a phrase."""
    targets = of_phrases(vlm, taught([prompt], [phrase]))
    return Aim(targets, f"It is meant to say “{tidy(phrase)}”")


def side_by_side(
    vlm: TinyVLM,
    levels: Tensor,
    prompt: str,
    aim: Aim,
    bound: Bound,
    seed: int,
    way: Pass = as_it_is,
    inside: Pass = as_it_is,
    progress: Progress = quiet,
) -> tuple[Pictures, Tensor, np.ndarray]:
    """A picture before and after, the change, and noise of the same size.

    Args:
        vlm: the model.
        levels: the picture, (3, H, W) int16.
        prompt: what is asked.
        aim: what it is moved towards.
        bound: how far, and in which steps.
        seed: of the start and of the noise.
        way: what the picture goes through before the model gets it.
        inside: what the attack's steps go through.
        progress: told after each step.

    Returns:
        The pictures; their levels before, after and with noise, (3, 3, H, W); the loss by step.
    """
    generator = torch.Generator().manual_seed(seed)
    moved = perturbed(
        levels[None], aim.loss, bound, generator, (inside,), progress, device=vlm.device
    )
    noise = noisy(levels, bound.epsilon, generator)
    stacked_levels = torch.stack([levels, levels + moved.change[0], levels + noise])
    replies = [
        tidy(" ".join(words))
        for words in answers(vlm, way(levels_to_pixels(stacked_levels)), [prompt] * 3)
    ]
    difference = as_picture((MAGNIFIED * moved.change[0].abs()).clamp(0, 255))
    images = [as_picture(image) for image in stacked_levels]
    most = int(moved.change.abs().max())
    view = Pictures(
        np.stack([images[0], images[1], difference, images[2]])[None],
        ("",),
        (BEFORE, f"{AFTER} the attack", f"change × {MAGNIFIED}", f"{CONTROL} of that size"),
        f"A simulation. {aim.words}; no value moves by more than {most} of 255.",
        captions=(f"“{replies[0]}”", f"“{replies[1]}”", f"at most {most}/255", f"“{replies[2]}”"),
    )
    return view, stacked_levels, moved.trace


@dataclass(frozen=True)
class PerturbedAnswer(Method[CaptionCase]):
    """One picture, moved towards a harmless phrase by at most ε in every value.

    A simulation on TinyVLM. The steps follow the gradient of how unlikely the model finds the
    phrase; the picture is rounded to 8 bits, and greedy decoding answers anew: first about the
    picture, then about the changed one, then about one with random noise of the same size. Below a
    word stands how likely it was, given the words before it. A defense changes what the model gets,
    the changed picture and the others alike; an attack that knows it takes its steps through it.
    The detector's score is by how many nats a word of the answer is less likely after JPEG.
    """

    name = "PerturbedAnswer"
    family = "hallucination"
    title = "One picture, moved towards a phrase"
    cost = "wait"
    paper = PAPER
    needs = frozenset({"gradient"})
    proof = (
        "tests/engine/hallucination/vlm_audit/test_one_scene.py"
        "::test_the_answer_is_that_of_steps_written_out"
    )

    phrase: str = setting(PHRASES[0], Choice(PHRASES), "Phrase", "What it is meant to say.")
    epsilon: int = setting(
        8,
        Slider(0, 64, 1, "/255"),
        "Largest change ε",
        "How far each value of each pixel may move; 0 changes nothing.",
    )
    steps: int = setting(40, Slider(10, 500, 10), "Steps", "Of the attack.")
    step: float = setting(
        1.0,
        Slider(0.5, 4.0, 0.5, "/255"),
        "Step size",
        "How far each step moves a value; a quarter of ε at most.",
    )
    against: str = setting(
        NONE, Choice(DEFENSES), "Defense", "What every picture goes through before the model."
    )
    strength: int = setting(
        3,
        Slider(1, 5, 1),
        "Strength of the defense",
        f"Quality of JPEG and σ of the blur: {STRENGTHS}.",
    )
    knows: bool = setting(
        False, Switch(), "The attack knows the defense", "Its steps go through the defense too."
    )

    @classmethod
    def unmet(cls, case: Case) -> str:
        """It is a simulation on the models that ship."""
        if reason := super().unmet(case):
            return reason
        vlm: VLM | None = getattr(case, "vlm", None)
        return "" if isinstance(vlm, TinyVLM) else "it is a simulation on TinyVLM: choose one."

    def __call__(self, case: CaptionCase, progress: Progress = quiet) -> Result:
        """Views: picture; before and after, the answers; phrase; loss by step; numbers."""
        vlm: Any = case.vlm
        levels = levels_of(case.image)
        way = defense(self.against, self.strength)
        bound = Bound(self.epsilon, self.steps, self.step)
        picture, every, trace = side_by_side(
            vlm,
            levels,
            case.prompt,
            towards(vlm, case.prompt, self.phrase),
            bound,
            case.seed,
            way,
            way if self.knows else as_it_is,
            part_of(progress, 0.0, 0.9),
        )
        images = way(levels_to_pixels(every))
        targets = taught([case.prompt] * 3, [self.phrase] * 3)
        with torch.no_grad():
            token_losses, counted = word_losses(vlm, images, targets)
            nats = losses(vlm, images, targets)
        likely = (-token_losses).exp()[:, 0].cpu().numpy()[:, counted[0, 0].cpu().numpy()]
        words = [*vlm.tokenizer.convert_ids_to_tokens(vlm.tokenizer.encode(self.phrase)), "end"]
        replies = answers(vlm, images, [case.prompt] * 3)
        change = (every - levels).abs().flatten(1).amax(1)
        progress(1.0, "asked again")
        return {
            "picture": picture,
            BEFORE: self.spoken(case, images[0]),
            AFTER: self.spoken(case, images[1]),
            "phrase": Table.of(
                {name: (likely[at], "share") for at, name in enumerate((BEFORE, AFTER))},
                [f"{at + 1}. {word}" for at, word in enumerate(words)],
            ),
            "trace": Curve(
                np.arange(len(trace), dtype=np.float32), trace, "step", "loss of the phrase", "nat"
            ),
            "numbers": Table.of(
                {
                    "says the phrase": (
                        np.array(matches_phrase(replies, [self.phrase] * 3), np.float32),
                        "",
                    ),
                    "loss of the phrase": (nats.cpu().numpy(), "nat"),
                    "detector": (disagreement(vlm, images, [case.prompt] * 3, replies), "nat"),
                    "largest change": (change.float().numpy(), "/255"),
                },
                (BEFORE, AFTER, CONTROL),
            ),
        }

    def spoken(self, case: CaptionCase, image: Tensor) -> Tokens:
        """The answer about what the model gets."""
        tokens: Tokens = GREEDY(replace(case, image=image))["answer"]  # type: ignore[assignment]
        return tokens

    def finding(self, case: CaptionCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Whether it says the phrase, what it does with noise, and whether the change is seen."""
        hits = result["numbers"]["says the phrase"]
        where = "" if self.against == NONE else f", behind {self.against}"
        if not self.epsilon:
            return f"Nothing is changed: it says “{tidy(result[BEFORE].text)}”."
        how = f"Moving each value by at most {self.epsilon}/255"
        control = "noise of that size does too" if hits[2] else "noise of that size does not"
        images = result["picture"].images[0]
        visibility = visible(images[0], images[1])
        if hits[1]:
            return (
                f"{how} makes it say “{tidy(self.phrase)}”{where}; {control}. "
                f"A simulation.{visibility}"
            )
        return (
            f"{how} does not make it say “{tidy(self.phrase)}”{where}: it says "
            f"“{tidy(result[AFTER].text)}”. A simulation; another attack may succeed.{visibility}"
        )
