"""Error-minimizing noise: images so easy for a network that little is left to learn from them.

Huang et al., "Unlearnable Examples: Making Personal Data Unexploitable" (2021),
https://arxiv.org/abs/2101.04898; the loop of https://github.com/HanxunH/Unlearnable-Examples
"""

from dataclasses import dataclass

from engine.unlearning.protection.in_rounds import NoiseInRounds, NoiseLoop
from engine.unlearning.protection.protection import CLASS, per_setting

PAPER = (
    "Huang et al., Unlearnable Examples: Making Personal Data Unexploitable (2021), "
    "https://arxiv.org/abs/2101.04898"
)


@dataclass(frozen=True)
class ErrorMinimizing(NoiseInRounds):
    """Noise that makes a network's error on each training image small.

    The idea: whoever trains on such images finds the noise, which says the class, before what is on
    them, and the loss is soon too small to learn more. A surrogate network and the noise take
    turns: it learns the images with their noise, then the noise is changed so that it errs less.
    Noise of each image must be made anew for another image; that of a class can be put on images
    that come later, but its mean over many images gives it away. The published loop stops at an
    error of 1 %, or of 10 % for noise of a class, for which it takes one step at a time.

    Adversarial training and strong augmentation weaken it, and clean images beside the protected
    ones are learned from as ever. Protection is not privacy: the images stay readable.
    """

    name = "EMN"
    title = "Error-minimizing noise"
    paper = PAPER
    proof = (
        "tests/engine/unlearning/protection/test_error_minimizing.py"
        "::test_two_rounds_are_those_of_the_published_loop_written_out"
    )

    per: str = per_setting()

    @property
    def by_class(self) -> bool:
        """Whether all images of a class have the same noise."""
        return self.per == CLASS

    def masks(self, loop: NoiseLoop) -> None:
        """Every pixel may change."""
