"""Words that a model says of scenes, each with whether it is made up."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from engine.core.method import Progress, part_of
from engine.evaluation.language.chair import mentions
from engine.evaluation.language.rates import ScenesCase
from engine.evaluation.language.scenes import TOGETHER, VOCABULARY, SceneBatch, decode_captions
from engine.evaluation.language.strategy import Strategy
from engine.hallucination.hallurag.readings import Readings, ReadWord, read_states, together
from engine.vision.data.sprites import CATEGORIES, COLORS
from engine.vision.language.tiny_vlm.sayings import PROMPTS
from engine.vision.language.tiny_vlm.words import NUMBER

ANSWERABLE, UNANSWERABLE = "answerable", "unanswerable"
MOST = 2  # questions about one scene
UNKNOWN = "unknown"  # what the model learned to say of a color that cannot be told

# of the number of an answer and its words: places, what is named there, and whether made up
Judge = Callable[[int, Sequence[str]], list[tuple[int, str, bool]]]


def named_things(case: ScenesCase, sample: SceneBatch, progress: Progress) -> Readings:
    """Every thing that captions of the scenes name."""
    truths = sample.truths

    def judge(row: int, words: Sequence[str]) -> list[tuple[int, str, bool]]:
        return [
            (mention.place, mention.node, not mention.true)
            for mention in mentions(words, truths[row], VOCABULARY)
        ]

    return judged_answers(case, sample, [PROMPTS["image"]] * len(truths), judge, progress)


def color_questions(
    case: ScenesCase, sample: SceneBatch, progress: Progress
) -> dict[str, Readings]:
    """The colors of two things of each scene: asked as it is, and with the thing taken out.

    Of a thing that is there, any word but its color is made up; of one that is not, any but
    “unknown”. What is read is the answer's last word.
    """
    selected = sample.layout.present & (sample.layout.present.cumsum(1) <= MOST)
    rows, categories = np.nonzero(selected)
    scenes = sample.layout.take(rows)
    present = scenes.present.copy()
    present[np.arange(len(rows)), categories] = False
    colors = [COLORS[scenes.color[row, category]] for row, category in enumerate(categories)]
    prompts = [f"what color is the {CATEGORIES[category]}" for category in categories]
    halves = (part_of(progress, 0.0, 0.5), part_of(progress, 0.5, 1.0))
    results = {
        ANSWERABLE: judged_answers(
            case, SceneBatch.of(scenes), prompts, last_word(colors), halves[0]
        ),
        UNANSWERABLE: judged_answers(
            case,
            SceneBatch.of(replace(scenes, present=present)),
            prompts,
            last_word([UNKNOWN] * len(rows)),
            halves[1],
        ),
    }
    # from questions back to scenes: by these words are split into learned and tried
    return {kind: replace(result, scene=rows[result.scene]) for kind, result in results.items()}


def last_word(right: Sequence[str]) -> Judge:
    """Judges the last word of each answer by the one that would be right."""

    def judge(row: int, words: Sequence[str]) -> list[tuple[int, str, bool]]:
        return [(len(words) - 1, words[-1], words[-1] != right[row])] if words else []

    return judge


def judged_answers(
    case: ScenesCase, sample: SceneBatch, prompts: Sequence[str], judge: Judge, progress: Progress
) -> Readings:
    """What the model says of each scene, and its inside at the words that are judged."""
    vlm, strategy = case.vlm, cast(Strategy, case.strategy)
    speaking = part_of(progress, 0.0, 0.6)
    answers = decode_captions(
        vlm, sample.pixels, prompts, strategy, seed=case.seed, progress=speaking
    ).words
    parts, first = [], range(0, len(answers), TOGETHER)
    for start in first:
        progress(0.6 + 0.4 * start / len(answers), "reading states")
        part = slice(start, start + TOGETHER)
        judged = [judge(start + row, text) for row, text in enumerate(answers[part])]
        words = [ReadWord(row, *mention) for row, result in enumerate(judged) for mention in result]
        encoded = [vlm.tokenizer.encode(prompt) for prompt in prompts[part]]
        texts = [[NUMBER[word] for word in reply] for reply in answers[part]]
        parts.append(read_states(vlm, sample.pixels[part], encoded, texts, words))
    return together(parts, first)
