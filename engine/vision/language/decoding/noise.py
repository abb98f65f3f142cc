"""The noise of diffusion models, by which an image is hidden step by step.

    β_t = sigmoid(linspace(−6, 6, 1000)) · (0.005 − 10⁻⁵) + 10⁻⁵,   ᾱ_t = Π (1 − β)
    v′ = √ᾱ_t v + √(1 − ᾱ_t) ε

Leng et al. 2024, Mitigating Object Hallucinations through Visual Contrastive Decoding, section 3.1;
the schedule is that of the authors' code (`vcd_utils/vcd_add_noise.py`).
"""

from hashlib import blake2b

import torch
from torch import Tensor

STEPS = 1000


def alpha_bar() -> Tensor:
    """ᾱ of every step, (1000,): the share of the image's variance that is left."""
    beta = torch.sigmoid(torch.linspace(-6, 6, STEPS)) * (0.5e-2 - 1e-5) + 1e-5
    return torch.cumprod(1 - beta, 0)


def noised(images: Tensor, step: int | Tensor, noise: Tensor) -> Tensor:
    """Images with the noise of a step.

    Args:
        images: normalized pixels (N, C, H, W), as the encoder sees them, not pixels in [0, 1].
        step: 0 to 999, one for all or one for each image, (N,).
        noise: drawn from N(0, 1), of the same shape; once for an image, not for every token.
    """
    share = alpha_bar()[torch.as_tensor(step)].reshape(-1, 1, 1, 1).to(images)
    return share.sqrt() * images + (1 - share).sqrt() * noise


def noise_for(images: Tensor, seed: int) -> Tensor:
    """Standard normal noise (N, C, H, W), the same for an image alone and in any batch.

    Args:
        images: normalized pixels (N, C, H, W).
        seed: of the question.
    """
    # on the CPU: generators of other devices give other numbers for the same seed
    drawn = [torch.randn(image.shape, generator=generator_for(image, seed)) for image in images]
    return torch.stack(drawn).to(images.device)


def generator_for(image: Tensor, seed: int) -> torch.Generator:
    """A generator seeded by a question's seed and the image's own values."""
    return torch.Generator().manual_seed(seed_for(image, seed))


def seed_for(image: Tensor, seed: int, prompt: str = "") -> int:
    """A seed of 63 bits from a question's seed, the image's own values and the prompt."""
    digest = blake2b(f"{seed}|{prompt}".encode(), digest_size=8)
    digest.update(image.detach().cpu().contiguous().numpy().tobytes())
    return int.from_bytes(digest.digest(), "big") >> 1
