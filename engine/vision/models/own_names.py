"""How the names of models begin that a visitor brought or trained."""

from engine.vision.data.registry import UPLOAD
from engine.vision.models.checkpoints import PREFIX
from engine.vision.models.own_file import FILE_PREFIX
from engine.vision.models.zero_shot import ZERO_SHOT

OWN_MODELS = (
    FILE_PREFIX,
    PREFIX,
    ZERO_SHOT,
    UPLOAD,
)  # the last: freshly trained on pictures of one's own
