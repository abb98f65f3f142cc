"""What the trials of a map say together: signs, words and counts. Numbers and texts only."""

from collections.abc import Sequence
from math import isfinite, isnan

from engine.core.result import Table
from engine.evaluation.trust import Check
from engine.evaluation.trust.verdict import BAD, DOUBT, GOOD, UNCLEAR

CheckedTrial = tuple[Check, Table | None]  # a trial and what it gave; None before it was made

VERDICT_WORDS = {
    GOOD: ("✓", "speaks for it"),
    UNCLEAR: ("?", "neither way"),
    DOUBT: ("⚠", "not confirmed"),
    BAD: ("✗", "speaks against it"),
}
UNKNOWN = ("–", "not available")
HEADINGS = {
    "insertion": "area, shown first",
    "deletion": "area, hidden first",
    "insertion_copies": "middle copy, shown first",
    "deletion_copies": "middle copy, hidden first",
    "copies_as_good": "copies that do as well",
    "hit": "pointing game",
    "mass": "share of the map on the truth",
    "rank": "strongest on the truth",
    "gini": "sparseness (Gini)",
    "entropy": "complexity (entropy, nats)",
    "png_bytes": "as a picture (bytes)",
    "order": "order (Spearman)",
    "chance": "by chance",
    "above_chance": "from chance (0) to the same (1)",
    "ssim": "structure (SSIM)",
    "max_sensitivity": "largest change (max-sensitivity)",
    "infidelity": "not predicted (infidelity)",
    "infidelity_moved": "not predicted when moved, median",
    "moves_as_good": "moves that do as well",
}
PASSED = ("✓", "passed")  # what a map that knows nothing may pass as well


def verdict_value(view: Table) -> float:
    """1, 0, −0.5, −1 or NaN."""
    return float(view["verdict"][0])


def sign(check: Check, view: Table) -> tuple[str, str]:
    """The sign and the word of a verdict; the word says all that the sign does."""
    result = verdict_value(view)
    if isnan(result):
        return UNKNOWN
    if not check.judges:
        return ("·", "a description, no verdict")
    return PASSED if result == GOOD and not check.evidence else VERDICT_WORDS[result]


def trial_line(check: Check, view: Table) -> str:
    """A trial in one line, as Markdown: sign, word, what was asked, what came out."""
    mark, word = sign(check, view)
    note = view.notes[0].removeprefix("Not available: ")
    return f"{mark} **{word}** · {check.title} {note[:1].upper()}{note[1:]}"


def figures(view: Table) -> Table:
    names = [name for name in view.order if name != "verdict"]
    return view.select(names).renamed(HEADINGS)


def summary(trials: Sequence[CheckedTrial]) -> str:
    """What speaks for a map and against it, and how many trials say neither or were not made."""
    return " ".join(findings(trials))


def headline(trials: Sequence[CheckedTrial]) -> str:
    """What matters most of the summary, without its marks; "" where there is nothing to say."""
    return next(iter(findings(trials)), "").replace("**", "")


def brief(line: str) -> str:
    """The first sentence of a trust line, where there is no room for its reasons."""
    first, stop, _ = line.partition(". ")
    return f"{first}." if stop else line


def findings(trials: Sequence[CheckedTrial]) -> list[str]:
    """The sentences of the summary.

    What is against a map comes first, then why it is not confirmed. Only evidence speaks for a map:
    its order of pixels, or the known truth. What else it passed, a map of chance may pass as well.
    """
    judged = [(check, view) for check, view in trials if check.judges]
    verdicts = [(check, view, verdict_value(view)) for check, view in judged if view is not None]
    good = [check.favor for check, _, value in verdicts if value == GOOD]
    against = [check.against for check, _, value in verdicts if value == BAD]
    doubts = [view.notes[0] for _, view, value in verdicts if value == DOUBT]
    unclear = sum(value == UNCLEAR for *_, value in verdicts)
    counts = {
        "neither way": unclear,
        "not available": sum(isnan(value) for *_, value in verdicts),
        "not tried yet": len(judged) - len(verdicts),
    }
    parts = [f"**✗ Against it: {'; '.join(against)}.**"] if against else []
    parts += [f"**⚠ Not confirmed. {note}**" for note in doubts]
    evident = not doubts and any(check.evidence for check, _, value in verdicts if value == GOOD)
    warned = bool(parts)
    if good or warned or unclear:
        parts.append(favorable(good, warned=warned, evident=evident, unclear=unclear))
    if rest := ", ".join(f"{count} {words}" for words, count in counts.items() if count):
        parts.append(f"{rest}.")
    return parts


def favorable(good: Sequence[str], *, warned: bool, evident: bool, unclear: int) -> str:
    """The reasons for a map; without evidence they are only what it passed.

    Nothing is said to be against it only where every trial that was made speaks for it.
    """
    if not good:
        return "Nothing for it." if warned else "Nothing speaks for it or against it."
    sentence = f"{'✓ For it' if evident else 'Passed'}: {'; '.join(good)}."
    if evident:
        return sentence if warned or unclear else f"{sentence} Nothing against it."
    return sentence if warned else f"{sentence} A map that knows nothing may pass that too."


def cost_text(
    maps: int, looks: int, seconds_per_map: float | None, past_seconds: float | None
) -> str:
    """What a trial costs: how many maps or looks, and seconds where they can be predicted.

    Args:
        maps: how many more maps it makes.
        looks: how often it looks at an image instead.
        seconds_per_map: seconds that the map itself took.
        past_seconds: seconds that the same trial took here before.
    """
    count = f"{looks} looks" if looks else f"{maps} more map" + ("" if maps == 1 else "s")
    predicted = None if seconds_per_map is None or not maps else maps * seconds_per_map
    seconds = past_seconds if past_seconds is not None else predicted
    if seconds is None or not isfinite(seconds):
        return count
    return f"{count}, " + ("under 1 s" if seconds < 1 else f"about {seconds:.0f} s")
