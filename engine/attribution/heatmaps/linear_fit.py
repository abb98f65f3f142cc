"""The linear model behind LIME, C-LIME and KernelSHAP, fitted in closed form.

Minimizes Σ_j π_j (w·z_j + b − y_j)² in float64. With fewer samples than unknowns, or regions that
never change, the solution of least norm is taken, so every setting means something.
"""

import torch
from torch import Tensor


def fit(inputs: Tensor, outputs: Tensor, weights: Tensor, *, intercept: bool) -> Tensor:
    """Coefficients w (m,) of inputs (n, m) and outputs (n,) under weights (n,), float32."""
    z, y = inputs.double(), outputs.double()
    root = weights.double().sqrt()[:, None]
    if intercept:
        z = torch.cat([z, torch.ones(len(z), 1, dtype=z.dtype)], dim=1)
    # √π on both sides makes it a plain problem, whose SVD is better conditioned than ZᵀΠZ
    solved: Tensor = torch.linalg.lstsq(z * root, y[:, None] * root, driver="gelsd").solution
    return solved[: inputs.shape[1], 0].float()
