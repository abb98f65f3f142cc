"""What a word costs TinyVLM: with and without its cache, under contrast, with a thinned cache."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from benchmarks.table import BenchmarkRow
from benchmarks.timing import paired, timed, within
from engine.core.result import Result
from engine.evaluation.language.greedy import Greedy
from engine.evaluation.language.strategy import Strategy
from engine.hallucination import BEAF, POPE, HalluRAG, ScenesCase, asking
from engine.hallucination.decoding.vcd import VCD
from engine.hallucination.vasparse.strategy import VASparse
from engine.unlearning.sauce.dictionary import Dictionary
from engine.vision.data.scenes import Scenes
from engine.vision.language.case import CaptionCase
from engine.vision.language.decoding.generate import generate
from engine.vision.language.decoding.session import Session, Start
from engine.vision.language.tiny_vlm.weights import HABIT, load
from engine.vision.models.threads import one_thread

WORDS = 48
SCENES = 40
WAIT = 150.0  # ms


def rows(rounds: int) -> Iterator[BenchmarkRow]:
    """Of the cache, of greedy decoding against VCD's, and what a person waits for."""
    case = about(0)
    with one_thread():
        for count, goal in ((1, None), (16, 4.0)):
            yield paired(
                f"TinyVLM, {WORDS} words of {count} captions with the cache",
                lambda count=count: cached(case, count),
                lambda count=count: uncached(case, count),
                "every word read again",
                goal=goal,
                rounds=rounds,
            )
        yield paired(
            f"VCD over {SCENES} captions",
            lambda: captions(VCD()),
            lambda: captions(Greedy()),
            "greedy (at most 2.1 times its time)",
            goal=1 / 2.1,
            rounds=rounds,
        )
        question = asking.about_scene(HABIT, scene(0), "is there a boat")
        for name, vlm_case in (("A caption with its record", case), ("An answer", question)):
            Greedy()(vlm_case)
            yield within(
                f"{name}, one thread", lambda c=vlm_case: Greedy()(c), WAIT, rounds, unit="ms"
            )
        yield from cached_places()
    yield from over_scenes()


def over_scenes() -> Iterator[BenchmarkRow]:
    """Whole methods over many scenes, once: questions, pairs of images, a probe, a dictionary."""
    vlm = load(HABIT)
    for method, case, most in (
        (POPE(), ScenesCase(vlm, Greedy(), 50), 60.0),
        (BEAF(), ScenesCase(vlm, Greedy(), 60, "biased"), 60.0),
        (HalluRAG(), ScenesCase(vlm, Greedy(), 400), 30.0),
        (Dictionary(), ScenesCase(vlm, Greedy(), 600, clean=True), 120.0),
    ):
        results: list[Result] = []
        seconds = timed(lambda m=method, c=case, f=results: f.append(m(c)))
        yield BenchmarkRow.of(
            f"{method.title} ({method.name}), {case.count} scenes",
            [seconds],
            "s",
            most=most,
            note=asked_text(results[0]),
        )


def asked_text(result: Result) -> str:
    """How much was asked, where the result tells."""
    if "questions" in result:
        return f"{len(result['questions'])} questions, three splits of 300 at most"
    if "records" in result:
        records = result["records"]
        pairs = set(zip(records["scene"], records["removed"], strict=True))
        return f"{len(pairs)} pairs of images, {len(records)} of answers"
    return ""


def cached_places() -> Iterator[BenchmarkRow]:
    """How many places of the cache VASparse looks at for a caption, of greedy decoding's."""
    plain = places(Greedy())
    for name, strategy in (
        ("with its weak pass", VASparse()),
        ("keeping 30 % without it", VASparse(keep=0.3, eta=0.0)),
    ):
        looked = places(strategy)
        yield BenchmarkRow.exact(
            f"Places of the cache looked at, VASparse {name}, of greedy decoding's",
            100 * looked / plain,
            "%",
            note=f"{looked:,.0f} of {plain:,.0f} a caption",
        )


def scene(number: int):  # noqa: ANN201  # a Scene
    """A scene that no training has seen."""
    return Scenes(100, "broken", seed=1000).scene(number)


def about(number: int) -> CaptionCase:
    """A caption asked of a scene."""
    return asking.about_scene(HABIT, scene(number), "describe the image")


class Endless(Session["Long"]):
    """Greedy decoding that never ends by itself."""

    def propose(self, now, /):  # noqa: ANN001, ANN201  # as the session has it
        """The model's scores without the end."""
        result = super().propose(now)
        result.scores[:, self.start.model.vlm.spec.eos] = -torch.inf
        return result


class Long(Greedy):
    """Greedy decoding to the full length."""

    def session(self, start: Start) -> Endless:
        """Begin."""
        return Endless(self, start)


def cached(case: CaptionCase, count: int = 1) -> Tensor:
    """As many words as asked for, each read once."""
    images, text = case.images.expand(count, -1, -1, -1), case.prompts.expand(count, -1)
    return generate(case.vlm, Long(length=WORDS), images, text, record=False).tokens


@torch.no_grad()
def uncached(case: CaptionCase, count: int = 1) -> Tensor:
    """The same words, image and all words before read again for each."""
    image_features = case.vlm.encode_image(case.images.expand(count, -1, -1, -1))
    text = case.prompts.expand(count, -1)
    for _ in range(WORDS):
        logits = case.vlm.prefill(image_features, text)[0].logits
        logits[:, case.vlm.spec.eos] = -torch.inf
        text = torch.cat([text, logits.argmax(-1, keepdim=True)], 1)
    return text


def captions(strategy: Strategy) -> None:
    """Captions of scenes, all at once."""
    case = about(0)
    layout = Scenes(100, "broken", seed=1000).layout(np.arange(SCENES))
    pixels = torch.from_numpy(layout.images() / np.float32(255))
    generate(
        case.vlm,
        strategy,
        case.vlm.normalize(pixels),
        case.prompts.expand(SCENES, -1),
        record=False,
    )


def places(strategy: Strategy) -> float:
    """Mean places looked at for a caption, over a few scenes one at a time."""
    results = []
    for number in range(10):
        case = about(number)
        results.append(generate(case.vlm, strategy, case.images, case.prompts, record=False).looked)
    return float(np.mean(results))
