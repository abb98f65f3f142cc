"""The few color ramps we use; they are defined where the command line can reach them too."""

from engine.core.pictures.colors import (
    CATEGORICAL,
    DIVERGING_DARK,
    DIVERGING_LIGHT,
    SEQUENTIAL,
    STEPS,
    Ramp,
)

__all__ = ["CATEGORICAL", "DIVERGING_DARK", "DIVERGING_LIGHT", "SEQUENTIAL", "STEPS", "Ramp"]
