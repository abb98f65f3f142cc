"""The view Tilted boundary: why an accurate classifier can have tiny adversarial perturbations."""

from engine.attribution.tilt.boundary import TiltedBoundary
from engine.attribution.tilt.local import LocalTilt
from engine.attribution.tilt.sheets import TiltedSheets

TILT = (TiltedBoundary, TiltedSheets, LocalTilt)

__all__ = ["TILT", "LocalTilt", "TiltedBoundary", "TiltedSheets"]
