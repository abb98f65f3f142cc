"""What is measured of denoised images, and what the paper claims of them."""

from math import log10

from engine.attribution.cbsn.noise import FILTERS
from engine.evaluation.experiment import Claim, Value

GAIN, HIDDEN, LESION = "gained", "gained with the blind spot", "lesion contrast kept"
MAIN, CONTROL = "C-BSN", "C-BSN, b = 1"
WHITE, WHITE_CONTROL = f"{MAIN}, white noise", f"{CONTROL}, white noise"
LOST = -1.0  # dB of contrast, 89 % of it

CLAIMS = (
    Claim(
        "It denoises without a clean image",
        "a PSNR more than 3 dB above that of the noisy images",
        lambda of: of(MAIN, GAIN) - 3,
    ),
    Claim(
        "Phases of b = 5 break correlated noise",
        "more than 1 dB above b = 1",
        lambda of: of(MAIN, GAIN) - of(CONTROL, GAIN) - 1,
    ),
    Claim(
        "White noise needs no phases",
        "b = 5 and b = 1 within 1 dB of each other",
        lambda of: 1 - abs(of(WHITE, GAIN) - of(WHITE_CONTROL, GAIN)),
    ),
    Claim(
        "Taking the mask off gains",
        "a PSNR above that of the blind spot's output",
        lambda of: of(MAIN, GAIN) - of(MAIN, HIDDEN),
    ),
    Claim(
        "It is better than filters",
        "a PSNR above each filter's at the factor that is best on validation images",
        lambda of: of(MAIN, GAIN) - max(of(name, GAIN) for name in FILTERS),
    ),
    Claim(
        "Lesions are kept",
        f"at most {-LOST:g} dB of their contrast to the healthy twin lost (89 % kept)",
        lambda of: in_decibels(of, MAIN) - LOST,
    ),
)


def in_decibels(of: Value, condition: str) -> float:
    """The contrast kept, as 20 log10; that of a hundredth where nothing or less is kept."""
    return 20 * log10(max(of(condition, LESION), 0.01))
