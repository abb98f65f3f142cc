"""Networks that pages build again from the weights of an answer, for all visitors together."""

from engine.core.keeping.memory import Memory
from engine.vision.models.classifier import Classifier

ROOM = 256 * 2**20  # bytes; the newest stays even where it alone is larger
NETWORKS: Memory[Classifier] = Memory(ROOM, lambda model: model.held_bytes, grows=True)
