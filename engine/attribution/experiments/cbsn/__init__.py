"""C-BSN: a network denoises that has only seen noisy images; its blind spot is a switch."""

from engine.attribution.experiments.cbsn.experiment import Cbsn
from engine.attribution.experiments.cbsn.own_image import Denoised

__all__ = ["Cbsn", "Denoised"]
