"""Retraining: from first weights, without what is to be forgotten. The truth that others near."""

from dataclasses import dataclass

from engine.unlearning.ways.network import untrained
from engine.unlearning.ways.unlearner import Unlearner, UnlearningRun
from engine.vision.models.passes import Passes
from engine.vision.training import train
from engine.vision.training.state import state_file


@dataclass(frozen=True)
class Retrain(Unlearner):
    """A model that never saw the forgotten images: trained anew by the original's own recipe.

    This is what forgetting means, and what every other row is compared with. A pruned original is
    retrained with the same zeros held. It costs a whole training.
    """

    name = "Retrain"
    title = "Retrain without them"
    short = "Retrain"
    cost = "job"
    sees = frozenset({"retain"})
    proof = (
        "tests/engine/unlearning/test_baselines.py"
        "::test_retraining_is_the_recipe_on_what_stays_bit_for_bit"
    )

    def change(self, work: UnlearningRun) -> None:
        """Train a fresh network on what stays; an interrupted training goes on."""
        case = work.case
        work.model = untrained(case.model, case.seed)
        log = train(
            work.model,
            work.data,
            case.recipe,
            case.seed,
            rows=work.retain,
            keep=state_file(f"retrain-{case.fingerprint}"),
            note={"kind": "unlearn", "model": case.model.name, "data": case.data.name},
            progress=work.part(0.0, 1.0),
        )
        pass_count = int(log.shown.sum()) * case.recipe.passes // case.recipe.epochs
        work.passes = Passes(pass_count, pass_count)  # also what came before an interruption
        work.step = case.recipe.epochs * -(-len(work.retain) // case.recipe.batch)
