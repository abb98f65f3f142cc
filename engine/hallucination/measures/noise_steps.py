"""What contrastive decoding can mend: yes against no while the copy is hidden ever deeper.

    margin = ln p(yes) − ln p(no),   contrasted (1 + α) · margin(v) − α · margin(v′_t)

Leng et al. 2024, Mitigating Object Hallucinations in Large Vision-Language Models through Visual
Contrastive Decoding, https://arxiv.org/abs/2311.16922, equation 3, on the answer's first word.
Between two words that are both plausible the cut does not matter, so it is left out.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.core.method import Method, Progress, Slider, defaults, quiet, setting
from engine.core.result import Result, Table
from engine.vision.language.case import CaptionCase
from engine.vision.language.decoding.noise import STEPS, noise_for, noised
from engine.vision.language.vlm import VLM

EVERY = 50  # noise steps apart
DEPTHS = (*range(0, STEPS, EVERY), STEPS - 1)


@dataclass(frozen=True)
class NoiseSteps(Method[CaptionCase]):
    """How far “yes” is ahead of “no”, while the copy is hidden ever deeper in noise.

    Above zero the model would say yes, below it no. The level line is the model looking at the
    clear image. The second is the same model looking at the noised copy: where it is high, “yes” is
    said without seeing, and subtracting it helps. The third is what VCD decides by. A wrong yes
    becomes a no only where the copy leans more to “yes” than the clear image does. Where the belief
    comes from something that is to be seen, it goes away with the image, and nothing is left to
    subtract: contrastive decoding removes what the language stream believes, not what the model
    concludes from the picture. The band is the range over several draws of the noise.
    """

    family = "hallucination"
    name = "NoiseSteps"
    title = "Yes against no, by noise step"
    cost = "live"
    paper = "Leng et al. 2024, https://arxiv.org/abs/2311.16922"
    needs = frozenset({"yes or no"})
    argument_defaults = defaults(ask="is there a boat")
    proof = (
        "tests/engine/hallucination/test_vcd.py::test_the_contrasted_margin_is_that_of_vcd_itself"
    )
    revision = 2  # noise as VCD draws it

    alpha: float = setting(
        1.0, Slider(0.0, 3.0, 0.1), "Strength α", "How much of the noised copy is subtracted."
    )
    draws: int = setting(
        4, Slider(1, 8, 1, "times"), "Draws", "How often the noise is drawn; the lines are means."
    )

    def __call__(self, case: CaptionCase, progress: Progress = quiet) -> Result:
        """Margins in nats at every noise step.

        Returns:
            margins: step; clear; hidden, the mean over draws, with the lowest and highest;
                contrasted, the mean; first, contrasted with the draw that VCD itself takes.
        """
        self.check(case)
        progress(0.0, "hiding")
        clear = float(margins(case.vlm, case.images, case.prompts)[0])
        depths = torch.tensor(DEPTHS)
        hidden = []
        for draw in range(self.draws):
            # the first draw is the noise that VCD itself subtracts
            noise = noise_for(case.images, case.seed + draw)
            copies = noised(
                case.images.expand(len(depths), -1, -1, -1),
                depths,
                noise.expand(len(depths), -1, -1, -1),
            )
            hidden.append(margins(case.vlm, copies, case.prompts).cpu().numpy())
            progress((draw + 1) / self.draws, "hiding")
        weak = np.stack(hidden)  # (draws, steps)
        contrasted = (1 + self.alpha) * clear - self.alpha * weak
        columns = {
            "step": np.array(DEPTHS, np.float32),
            "clear": np.full(len(DEPTHS), clear, np.float32),
            "hidden": weak.mean(0),
            "lowest": weak.min(0),
            "highest": weak.max(0),
            "contrasted": contrasted.mean(0),
            "first": contrasted[0],
        }
        return {
            "margins": Table.of(
                {
                    name: (numbers.astype(np.float32), "noise step" if name == "step" else "nats")
                    for name, numbers in columns.items()
                }
            )
        }


@torch.no_grad()
def margins(vlm: VLM, images: Tensor, prompt: Tensor) -> Tensor:
    """ln p(yes) − ln p(no) of the answer's first word, over all spellings, (n,).

    Args:
        vlm: the model.
        images: normalized pixels (n, 3, H, W).
        prompt: (1, P).
    """
    out, _ = vlm.prefill(vlm.encode_image(images), prompt.expand(len(images), -1))
    # ln of the sum over spellings; the normalizer cancels in the difference
    yes, no = (out.logits[:, list(ids)].logsumexp(-1) for ids in (vlm.spec.yes, vlm.spec.no))
    return yes - no
