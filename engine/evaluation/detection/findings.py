"""What a detector's answer says of an image, in sentences that its p-values bear out."""

from collections.abc import Mapping
from math import ceil
from typing import Any

import numpy as np

from engine.core.result import Table
from engine.evaluation.detection.conformal import COUNTS, FEWEST, INDEPENDENT, Conformal
from engine.evaluation.detection.sources import group_word
from engine.evaluation.detection.standing import Standing, false_alarms
from engine.vision.data import DataSet
from engine.vision.data.folders import SHARES

Views = Mapping[str, Any]

ALPHA = 0.05  # false alarms allowed where nobody chose
ENOUGH = ceil(INDEPENDENT * sum(SHARES) / sum(SHARES[1:]))  # pictures of a zip for a verdict
JOINED = {
    "sum": "The bars add up to the score",
    "product": "The factors multiply to minus the score",
}
MORE = (
    " That is more than the line promises: by chance, or because these images are not quite like "
    "those that the line was drawn by."
)


def percent(share: float) -> str:
    """A share with as many digits as it needs."""
    return f"{100 * share:.3g} %"


def three_digits(value: float) -> str:
    """A number of three digits, with a minus that is one."""
    return f"{value:.3g}".replace("-", "−")


def verdict(
    title: str, normal: DataSet, found: Views, alpha: float = ALPHA, *, unlike: bool = False
) -> str:
    """How unusual the image is, or what is missing for a verdict.

    Args:
        title: of the detector.
        normal: the normal images.
        found: the detector's answer.
        alpha: how often normal images may be flagged.
        unlike: whether the pixels are unlike the normal images, whatever the detector finds.
    """
    at, word = Standing(found), group_word(normal)
    if not at.decided:
        count_words = f"{at.independent} can be compared with"
        if at.by_group:
            count_words = f"they come from {at.independent} {word}{'s' * (at.independent != 1)}"
        return (
            f"Too few normal images for a verdict: {count_words}, and at least {INDEPENDENT} "
            "are needed."
        )
    if at.smallest > alpha:
        return (
            f"Too few normal images for a verdict at {percent(alpha)} false alarms: with "
            f"{at.independent} {word if at.by_group else 'image'}s, p cannot fall below "
            f"{at.smallest:.2g}. Allow more false alarms, or add normal images."
        )
    if at.p > alpha:
        finding = f"{title} misses it" if unlike else f"Nothing unusual by {title}"
        return (
            f"{finding}: {at.least} of {at.total} normal images are at least as unusual "
            f"(p = {at.p:.2g})."
        )
    others = f"{at.total - at.least} of {at.total}" if at.least else f"every one of {at.total}"
    return f"More unusual than {others} normal images by {title} (p = {at.p:.2g})."


def only_score(normal: DataSet, result: Views) -> str:
    """What is known where there is no verdict: the image's score, and those of normal images."""
    scores, at, word = result["normal"].values, Standing(result), group_word(normal)
    alike = f" (those of one {word} are alike)" if at.by_group else ""
    return (
        f"This image's score is {at.score:.3g} ({result['subject'].unit}); those of {len(scores)} "
        f"normal images{alike} lie between {scores.min():.3g} and {scores.max():.3g}."
    )


def p_values(
    normal: DataSet, result: Views, label: str, *, by_class: bool
) -> tuple[list[str], list[str]]:
    """The p-value of the image among all normal ones or within its class, and that by group.

    Args:
        normal: the normal images.
        result: the detector's answer.
        label: the class that the model sees.
        by_class: whether only images of that class are to be compared with.

    Returns:
        The p-values, and what is to be known about them.
    """
    p, floor = result["p"].values, result["smallest"].values
    is_by_class = by_class and bool(np.isfinite(p[1]))
    class_count = int(result["counts"][COUNTS[1]])
    indices = {
        f"among {class_count} images seen as {label}"
        if is_by_class
        else "among all normal images": int(is_by_class)
    }
    if np.isfinite(p[2]):
        indices[f"counted by {group_word(normal)}"] = 2
    figures = [
        f"p-value {words}: {p[at]:.3g} (the smallest that can be reached here is {floor[at]:.2g})"
        for words, at in indices.items()
    ]
    notes = [
        "It is the share of normal images at least as unusual, this one counted in. It says how "
        "unusual the image is, not what is wrong with it."
    ]
    if by_class and not is_by_class:
        few = f"Fewer than {FEWEST} normal images are seen as {label}, so all are compared."
        notes.insert(0, few)
    return figures, notes


def promises(normal: DataSet, result: Views, ruler: Conformal, line: float) -> list[str]:
    """What a line promises, how sure that is, and how normal images that it never saw fare.

    Args:
        normal: the normal images.
        result: the detector's answer.
        ruler: the scores that the line was drawn by.
        line: the score above which an image is flagged.
    """
    alpha = float(ruler.verdict_p(np.nextafter([line], np.inf))[0])
    promise, high = f"The line promises at most {percent(alpha)} false alarms", 1.0
    does = "lies" if Standing(result).score > line else "does not lie"
    lines = [f"This image {does} above the line."]
    if alpha < 1 and ruler.groups is not None:
        lines.append(
            f"{promise}, counted by {group_word(normal)} over {ruler.independent} of them."
        )
    elif alpha < 1:
        low, high = ruler.band(alpha)
        lines.append(
            f"{promise}; with {len(ruler)} normal images the true rate lies between "
            f"{percent(low)} and {percent(high)} (nine times in ten)."
        )
    held_out = result["held"]
    if not np.array_equal(held_out.ids, result["normal"].ids):
        alarms, count = false_alarms(held_out, line), len(held_out.values)
        lines.append(
            f"A normal image stays calm: {percent(1 - alarms / count)} of {count} other normal "
            f"images stay below the line ({alarms} false alarms)."
            + (MORE if alarms / count > high else "")
        )
    return lines


def made_of(table: Table, joined: str) -> str:
    """The parts of the image's score beside those of the normal one of median score.

    Args:
        table: a row for each of the two, a column for each part.
        joined: how they make the score: "sum", "product" or "alone".
    """
    parts = [(name, *(three_digits(value) for value in table[name][:2])) for name in table.columns]
    if joined == "alone":
        _, measured, median_value = parts[0]
        return (
            f"The score is one number: {measured} "
            f"for this image, {median_value} for the middle normal one."
        )
    prefixes = ("middle normal: ", *[""] * (len(parts) - 1))
    listing = ", ".join(
        f"{name} {measured} ({word}{median_value})"
        for word, (name, measured, median_value) in zip(prefixes, parts, strict=True)
    )
    return f"{JOINED[joined]}: {listing}."
