"""How the names of models begin that a visitor brought or trained."""

from __future__ import annotations

from engine.data.registry import UPLOAD
from engine.models.checkpoints import PREFIX
from engine.models.own_file import FILE_PREFIX
from engine.models.zero_shot import ZERO_SHOT

OWN_MODELS = (
    FILE_PREFIX,
    PREFIX,
    ZERO_SHOT,
    UPLOAD,
)  # the last: freshly trained on pictures of one's own
