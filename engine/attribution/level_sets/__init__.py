"""Level sets: what can change in an image without the model noticing?"""

from __future__ import annotations

from engine.attribution.level_sets.lst import LST

LEVEL_SETS = (LST,)
