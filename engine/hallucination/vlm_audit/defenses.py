"""What may stand between a picture and the model: JPEG and blur; and a detector made of them.

An attacker who knows the defense takes its steps through it. Blur has a gradient. JPEG rounds, and
has none that helps: the straight-through estimate takes its own to be that of the identity.
"""

from collections.abc import Mapping
from functools import partial
from io import BytesIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from engine.evaluation.measures.levels import levels_of
from engine.hallucination.vlm_audit.perturb import Pass, as_it_is
from engine.hallucination.vlm_audit.phrases import losses, taught
from engine.vision.language.tiny_vlm.model import TinyVLM

NONE, JPEG, BLUR = "none", "JPEG", "blur"
DEFENSES = (NONE, JPEG, BLUR)
QUALITY = (90, 75, 60, 45, 30)  # of JPEG, by strength from 1 to 5
SIGMA = (0.4, 0.6, 0.8, 1.1, 1.5)  # of the blur, px
STRENGTHS = ", ".join(
    f"{index}: {QUALITY[index - 1]}, {SIGMA[index - 1]} px" for index in range(1, len(QUALITY) + 1)
)
DETECTOR = JPEG, 2  # the re-encoding by which the detector looks twice


def defense(name: str, strength: int) -> Pass:
    """What is done to pixels (N, 3, H, W) before the model gets them; gradients pass through.

    Args:
        name: one of DEFENSES.
        strength: from 1 to 5.
    """
    match name:
        case "JPEG":
            return partial(straight_through, quality=QUALITY[strength - 1])
        case "blur":
            return partial(blurred, sigma=SIGMA[strength - 1])
        case _:
            return as_it_is


def straight_through(pixels: Tensor, quality: int) -> Tensor:
    """As `recoded`; to the gradient, nothing happened."""
    # forward the JPEG, backward the identity: the difference is a constant to autograd
    return pixels + (recoded(pixels.detach(), quality) - pixels).detach()


def recoded(pixels: Tensor, quality: int) -> Tensor:
    """Pixels (N, 3, H, W) in [0, 1] as a JPEG file of that quality gives them back."""
    files = levels_of(pixels).numpy().astype(np.uint8).transpose(0, 2, 3, 1)
    back = []
    for file in files:
        buffer = BytesIO()
        Image.fromarray(np.ascontiguousarray(file)).save(buffer, "JPEG", quality=quality)
        back.append(np.asarray(Image.open(buffer), np.float32))
    result = torch.from_numpy(np.stack(back).transpose(0, 3, 1, 2) / np.float32(255))
    return result.contiguous().to(pixels)


def blurred(pixels: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of σ px."""
    from torchvision.transforms.v2.functional import gaussian_blur

    # odd, with three σ to each side: what lies further out has next to no weight
    reach = 2 * max(1, round(3 * sigma)) + 1
    result: Tensor = gaussian_blur(pixels.contiguous(), [reach, reach], [sigma, sigma])
    return result


@torch.no_grad()
def disagreement(
    vlm: TinyVLM, pixels: Tensor, prompts: list[str], answers: list[list[str]]
) -> np.ndarray:
    """The detector's score: by how many nats a word of its own answer is less likely after JPEG.

    Args:
        vlm: the model.
        pixels: images (N, 3, H, W) in [0, 1].
        prompts: what was asked of each.
        answers: what the model answered.
    """
    targets = taught(prompts, [" ".join(words) for words in answers])
    detector = defense(*DETECTOR)
    rise = losses(vlm, detector(pixels), targets) - losses(vlm, pixels, targets)
    result: np.ndarray = rise.cpu().double().numpy()
    return result


KNOWN: Mapping[str, str] = {NONE: "no defense", JPEG: "JPEG", BLUR: "blur"}
