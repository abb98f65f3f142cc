"""A generator that forgot a class as a file, with a card that says how it was made."""

from typing import Any

from engine.core.method import Progress, quiet
from engine.unlearning.generator.case import GeneratorCase
from engine.unlearning.generator.weights import generator_bytes
from engine.unlearning.salun.generator import GeneratorSalUn

MADE_WITH = ("label", "share", "steps", "retain")  # settings that the weights depend on


def card_of_forgotten(method: GeneratorSalUn, case: GeneratorCase) -> dict[str, Any]:
    """What the file says of itself; the same for the same weights."""
    return {
        "made_by": method.full_name(),
        "revision": method.revision,
        "settings": {name: getattr(method, name) for name in MADE_WITH},
        "seed": case.seed,
        "parent": case.generator.fingerprint,
        "data": case.data.fingerprint,
    }


def forgotten_file(
    method: GeneratorSalUn, case: GeneratorCase, progress: Progress = quiet
) -> bytes:
    """A `.safetensors` file of the generator after SalUn.

    Raises:
        BlindspotError: the generator has no such class, or no other one.
    """
    return generator_bytes(method.forgotten(case, progress), card_of_forgotten(method, case))
