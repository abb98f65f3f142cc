"""C-BSN: a network denoises that has only seen noisy images; its blind spot is a switch."""

from engine.attribution.cbsn.experiment import Cbsn
from engine.attribution.cbsn.own_image import Denoised

__all__ = ["Cbsn", "Denoised"]
