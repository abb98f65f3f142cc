"""What forgetting a range of a number claims, and the names of its conditions and measures."""

from collections.abc import Callable

from engine.evaluation.experiment import Claim

RETRAINED, ORIGINAL, TUNED = "retrained", "original", "fine-tuned"
GAUSSIAN, BLINDSPOT = "Gaussian-Amnesiac", "Blindspot"
SECOND, PROXY = "retrained, other seed", "Blindspot's proxy"
WAYS = (RETRAINED, SECOND, ORIGINAL, TUNED, GAUSSIAN, PROXY, BLINDSPOT)
DISTANCE, PAIRED = "distance to retrained", "distance image by image"
RETAINED, FORGOTTEN = "error on what stays", "error on the band"
MEMBERS, ATTACK, AIN = "called members", "attack is right", "AIN"

CLAIMS = (
    Claim(
        "Blindspot predicts the forgotten range as a retrained network does",
        "the Wasserstein distance of its predictions to the retrained network's is below half of "
        "the original's",
        lambda of: 0.5 - relative(of, BLINDSPOT, DISTANCE),
    ),
    Claim(
        "Blindspot comes nearer than Gaussian-Amnesiac",
        "a smaller Wasserstein distance, as a share of the original's",
        lambda of: relative(of, GAUSSIAN, DISTANCE) - relative(of, BLINDSPOT, DISTANCE),
    ),
    Claim(
        "What stays is predicted as well as before",
        "the error on what stays is at most 15 % above the original's",
        lambda of: 1.15 - of(BLINDSPOT, RETAINED) / max(of(ORIGINAL, RETAINED), 1e-9),
    ),
    Claim(
        "Forgotten predictions move to the retrained network's, not to noise",
        "image by image nearer to them than the original and than Gaussian-Amnesiac, as a share of "
        "the original's distance",
        lambda of: min(1.0, relative(of, GAUSSIAN, PAIRED)) - relative(of, BLINDSPOT, PAIRED),
    ),
    Claim(
        "What Blindspot forgot is not back as soon",
        "its AIN is above those of fine-tuning and of Gaussian-Amnesiac",
        lambda of: of(BLINDSPOT, AIN) - max(of(TUNED, AIN), of(GAUSSIAN, AIN)),
    ),
)


def relative(of: Callable[[str, str], float], way: str, measure: str) -> float:
    """A distance as a share of the original's."""
    return of(way, measure) / max(of(ORIGINAL, measure), 1e-9)
