"""What poisoning a fair representation claims, and the names of its conditions and measures."""

from engine.evaluation.experiment import Claim

CLEAN, MATCHED, TRANSFER = "clean rows", "matched poison", "the same, another victim"
RANDOM, ANCHORS = "same shifts at random", "anchors with flipped tasks"
AUC, ENTROPY = "group told by a probe (AUC)", "the probe's cross-entropy, of H"
TASK, U = "task told right", "Fisher's discriminant U"

# Thresholds of the sheet in shared/papers/blindspots.md.
CLAIMS = (
    Claim(
        "A tenth of matched rows makes the representation tell the group",
        "a fresh probe has an AUC of at least 75 %",
        lambda of: of(MATCHED, AUC) - 0.75,
    ),
    Claim(
        "Without poison the group is hidden",
        "a fresh probe has an AUC of at most 60 %",
        lambda of: 0.6 - of(CLEAN, AUC),
    ),
    Claim(
        "Nobody sees it in the task",
        "the task's accuracy stays within 3 points of that without poison",
        lambda of: 0.03 - abs(of(MATCHED, TASK) - of(CLEAN, TASK)),
    ),
    Claim(
        "The direction of the shifts does it, not their size",
        "the same shifts at random columns add less than 3 points to the AUC",
        lambda of: 0.03 - (of(RANDOM, AUC) - of(CLEAN, AUC)),
    ),
    Claim(
        "It leaks more than with anchors at the same share",
        "the probe's cross-entropy is lower",
        lambda of: of(ANCHORS, ENTROPY) - of(MATCHED, ENTROPY),
    ),
)
