"""What everything that an answer claims hangs on, all at once: its region hidden, itself gone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from engine.core.errors import BlindspotError
from engine.core.method import Progress, defaults, quiet
from engine.core.result import Floats, Result, Table
from engine.core.result.words import whole_words
from engine.evaluation.language.chair import mentions
from engine.evaluation.language.claims import LED, first_thing
from engine.evaluation.language.scenes import VOCABULARY
from engine.hallucination.grounding.findings import HANGS, SURVIVES, THIS
from engine.hallucination.grounding.word_case import OfWords, WordCase
from engine.vision.data.sprites import COLORS, HABITS
from engine.vision.language.decoding.forced import forced

OUT, HIDDEN = "without the ", " hidden"  # how other images are named, around "the " and a thing
HOLDS = "on what is there"
TOGETHER = 16  # images in one pass, so that a large model fits


@dataclass(frozen=True)
class EachClaim(OfWords):
    """What each thing that the answer claims hangs on.

    A row for each thing: how likely its word is in this image, with the thing's region hidden
    behind the mean color, and without the thing. A word that hangs on what is there falls; one
    that stays though the thing is gone is a habit, or follows from the words before it, which are
    held fixed. Of a made-up thing nothing can be taken out: its row has the thing of the scene
    without which its word loses most.
    """

    name = "EachClaim"
    title = "Every claim"
    needs = frozenset({"others"})
    argument_defaults = defaults(against=("each", "hidden"))
    proof = "tests/engine/hallucination/test_cause.py::test_it_equals_asking_one_by_one"

    def __call__(self, case: WordCase, progress: Progress = quiet) -> Result:
        """Every claim's probability, and what it owes to a region and to a thing.

        Returns:
            claims: a row for each thing, with the thing that was hidden and taken out as its note;
                NaN where its region was not hidden.
            images: the probability of each in every image.

        Raises:
            BlindspotError: the answer claims nothing, or no image is without a thing.
        """
        named = claimed(case)
        if not named:
            raise BlindspotError(
                "The answer claims no thing: ask for a description, or what it says yes to."
            )
        removed_nouns = [name.removeprefix(OUT) for name in case.names if name.startswith(OUT)]
        if not removed_nouns:
            raise BlindspotError("Nothing was taken out: hold it against each (against=each).")
        probabilities = chances(case, list(named.values()), progress)
        probability_table = Table.grid(
            probabilities,
            tuple(named),
            (THIS, *case.names),
            ["probability"] * probabilities.shape[1],
        )
        tested_nouns = [
            noun
            if noun in removed_nouns
            else min(removed_nouns, key=lambda candidate: probability_table[OUT + candidate][row])
            for row, noun in enumerate(named)
        ]
        probability = probabilities[:, 0]
        hidden, out = (
            np.array(
                [cell_value(probability_table, row, name) for row, name in enumerate(names)],
                np.float32,
            )
            for names in (
                [f"the {noun}{HIDDEN}" for noun in tested_nouns],
                [OUT + noun for noun in tested_nouns],
            )
        )
        columns = {
            "probability": probability,
            "hidden": hidden,
            "owed to the region": probability - hidden,
            "taken out": out,
            "owed to the thing": probability - out,
        }
        table = {name: (column, "probability") for name, column in columns.items()}
        return {"claims": Table.of(table, tuple(named), tested_nouns), "images": probability_table}

    def finding(self, case: WordCase, result: Mapping[str, Any]) -> str:
        """How many claims hang on what is there, what is made up, and what stays."""
        claims = result["claims"]
        verdicts = [verdict(case, claims, row) for row in range(len(claims))]
        supported = sum(HOLDS in sentence for sentence in verdicts)
        hang = "hangs" if supported == 1 else "hang"
        parts = (
            [f"{supported} of {len(verdicts)} claimed things {hang} {HOLDS}"] if supported else []
        )
        for row, (noun, ending) in enumerate(zip(claims.rows, verdicts, strict=True)):
            if HOLDS not in ending:
                made_up = "" if is_there(case, claims, row) else " is made up and"
                parts.append(f"the {noun}{made_up} {ending}")
        words = "; ".join(parts)
        return f"{words[0].upper()}{words[1:]}."


def cell_value(every: Table, row: int, name: str) -> float:
    """A probability of a column; NaN where there is no such image."""
    return float(every[name][row]) if name in every.columns else np.nan


@torch.no_grad()
def chances(case: WordCase, places: list[int], progress: Progress) -> Floats:
    """The probability of words of the answer in this image and all others, (words, 1 + k)."""
    images, result = case.compared, []
    for start in range(0, len(images), TOGETHER):
        progress(start / len(images), "looking again")
        part = images[start : start + TOGETHER]
        logs = forced(case.vlm, part, case.prompts[0], case.answer)
        result.append(logs[:, places, case.answer[places]].exp().cpu())
    progress(1.0, "looked again")
    values: Floats = torch.cat(result).T.numpy().astype(np.float32)
    return values


def claimed(case: WordCase) -> dict[str, int]:
    """The things that an answer claims, each with the place of the word that claims it.

    That is the yes to a question, the color of what is asked for, else the thing's first name. An
    answer that says no claims nothing.
    """
    whole, starts = whole_words(case.spoken)
    noun = first_thing(case.prompt)
    verdicts = [place for place, word in enumerate(whole) if word in {"yes", "no"}]
    colors = [place for place, word in enumerate(whole) if word in COLORS]
    results: dict[str, int] = {}
    if noun and verdicts:
        # in "there is no fish so no" the last word is the verdict
        if whole[verdicts[-1]] == "no":
            return {}
        results[noun] = starts[verdicts[-1]]
    elif noun and colors:
        results[noun] = starts[colors[0]]
    for mention in mentions(whole, (), VOCABULARY):
        results.setdefault(mention.node, starts[mention.place])
    return results


def is_there(case: WordCase, claims: Table, row: int) -> bool:
    """Whether a claimed thing is in the image; where the truth is unknown, whether it was tried."""
    noun = claims.rows[row]
    return noun in case.claims.there if case.claims else claims.notes[row] == noun


def verdict(case: WordCase, claims: Table, row: int) -> str:
    """What a claim does, in plain words."""
    noun, tried = claims.rows[row], claims.notes[row]
    before, after = claims["probability"][row], claims["taken out"][row]
    falls = after < SURVIVES * before
    hangs = "hangs" if falls else "hangs partly"
    stays = not falls and before - after < HANGS
    # before place 0 there is no word that it could follow from
    habit = "habit, or the words before it" if claimed(case).get(noun) else "habit"
    if is_there(case, claims, row):
        if tried != noun:
            return "was not taken out"
        return f"stays though the thing is gone: {habit}" if stays else f"{hangs} {HOLDS}"
    if stays:
        return f"stays whatever is taken out: {habit}"
    pair = ", its usual partner" if tried in {LED.get(noun), HABITS.get(noun)} else ""
    return f"{hangs} on the {tried}{pair}"
