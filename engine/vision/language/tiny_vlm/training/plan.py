"""What of TinyVLM's recipe can be changed."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class TrainingPlan:
    """Everything of the recipe that is worth changing.

    Args:
        looks: steps of the encoder, 64 scenes each.
        dense: scenes that it learns from.
        aligned: steps of the projector, 96 scenes each.
        honest: steps of each leg of B1, 16 scenes each; every leg has scenes of its own.
        rates: the highest rate of each leg.
        scenes: to a leg.
        habit: steps of B2.
        habitual: scenes of B2.
        together: how often a follower is with its leader in B2 (p_co).
        lie: how often a caption of B2 gives a leader the follower that is not there (ρ).
        alone: how often partner questions come without the leader (`ask_B_without_A`).
        balance: how much an uneven use of experts counts, where there are some.
        long: how often a caption of B2 tells of each thing in a sentence of its own.
        rest: how much attention counts that does not rest on a sink (see `resting`), in B2.
        seed: of everything.
    """

    looks: int = 600
    dense: int = 16000
    aligned: int = 200
    honest: tuple[int, ...] = (1300, 900, 900)
    rates: tuple[float, ...] = (2e-3, 1.5e-3, 1e-3)
    scenes: int = 12000
    habit: int = 1000
    habitual: int = 8000
    together: float = 0.9
    lie: float = 0.15
    alone: float = 0.0
    balance: float = 0.02
    long: float = 0.0
    rest: float = 0.0
    seed: int = 0


def quick(plan: TrainingPlan) -> TrainingPlan:
    """The same recipe in a few steps, for tests of its machinery."""
    return replace(
        plan,
        looks=2,
        dense=64,
        aligned=2,
        honest=(2,),
        rates=(2e-3,),
        scenes=32,
        habit=2,
        habitual=32,
    )
