"""The networks of the refusal audit that ship: `python -m engine weights scene-decliner`.

Three, of seeds 0 to 2; one of another seed is trained when it is asked for and kept in memory.
Weights are kept in 16 bits and rounded before anything is measured.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors

from engine.core.errors import BadModel
from engine.core.keeping.memory import Memory
from engine.core.keeping.store import write_atomic
from engine.core.method import Progress, part_of, quiet
from engine.hallucination.ssr_audit.network import QuestionNet, network_copy
from engine.hallucination.ssr_audit.questions import DECLINE, EncodedQuestions, sample_questions
from engine.hallucination.ssr_audit.school import SchoolPlan, train

FOLDER = Path(__file__).parents[3] / "assets" / "weights"
NAME = "scene-decliner"
SHIPPED = (0, 1, 2)  # seeds
PLAN = SchoolPlan()
TRIES, AGAIN, ENOUGH = 3, 100, 0.97  # trainings, between their seeds, right answers to be had
CHECKED = 500  # pairs of questions that the figures are about
_NETS: Memory[QuestionNet] = Memory(8)


@dataclass(frozen=True)
class WrittenNet:
    """A network that was written: its file and its figures."""

    path: Path
    title: str
    figures: Mapping[str, float]


def file_of(seed: int, folder: Path = FOLDER) -> Path:
    """Where a network's weights are."""
    return folder / f"{NAME}-{seed}.safetensors"


def network(seed: int, progress: Progress = quiet) -> QuestionNet:
    """The network of a seed: one that ships, or one that is trained now. Raises BadModel."""
    if seed in SHIPPED:
        return _NETS.made(f"shipped {seed}", lambda: read(file_of(seed)))
    return _NETS.made(f"trained {seed}", lambda: train_network(seed, progress)[0])


def read(path: Path) -> QuestionNet:
    """A network from a file. Raises BadModel."""
    try:
        with safe_open(path, framework="pt") as file:
            return network_copy({key: file.get_tensor(key).float() for key in file.keys()})  # noqa: SIM118
    except (OSError, SafetensorError, RuntimeError) as error:
        raise BadModel(f"The weights {path.name} cannot be read: {error}.") from error


def card(seed: int) -> Mapping[str, Any]:
    """The plan and the figures that a file was made with."""
    with safe_open(file_of(seed), framework="pt") as file:
        result: Mapping[str, Any] = json.loads(file.metadata()["blindspot"])
    return result


def rounded(net: QuestionNet) -> QuestionNet:
    """Weights as 16 bits hold them, in 32 again."""
    return network_copy({key: value.half().float() for key, value in net.state_dict().items()})


@torch.no_grad()
def figures(net: QuestionNet) -> dict[str, float]:
    """How often it declines and answers rightly, on questions that no training draws."""
    # a stream apart from those of trainings, which are [seed, 17]
    prompts = EncodedQuestions.of(sample_questions(CHECKED, np.random.default_rng([2026, 5])))
    predicted = net(prompts).argmax(1)
    declined = prompts.declined
    return {
        "declined, of those to be declined": (predicted == DECLINE)[declined].float().mean().item(),
        "answered rightly, of the others": (predicted == prompts.fact)[~declined]
        .float()
        .mean()
        .item(),
    }


def train_network(seed: int, progress: Progress = quiet) -> tuple[QuestionNet, SchoolPlan]:
    """A network of that seed that learned its task, and the plan of its training.

    Not all first weights come to see what the answer hangs on; then others are drawn, of a seed
    that is larger by 100. Raises BadModel where the third training fails too.
    """
    for attempt in range(TRIES):
        plan = replace(PLAN, seed=seed + AGAIN * attempt)
        part = part_of(progress, attempt / TRIES, (attempt + 1) / TRIES)
        net = rounded(train(plan, part))
        if min(figures(net).values()) > ENOUGH:
            return net, plan
    raise BadModel(f"No network of seed {seed} learned when to decline: choose another first seed.")


def retrain(
    folder: Path = FOLDER, seeds: tuple[int, ...] = SHIPPED, progress: Progress = quiet
) -> list[WrittenNet]:
    """Train networks and write their files. Raises OSError where one cannot be written."""
    results = []
    for at, seed in enumerate(seeds):
        part = part_of(progress, at / len(seeds), (at + 1) / len(seeds), lead=f"seed {seed}")
        results.append(write_network(*train_network(seed, part), seed, folder))
    return results


def write_network(net: QuestionNet, plan: SchoolPlan, seed: int, folder: Path) -> WrittenNet:
    """Write a network with the plan and the figures that it was made with."""
    scores, path = figures(net), file_of(seed, folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {key: value.half().contiguous() for key, value in net.state_dict().items()}
    about = json.dumps({"plan": asdict(plan), "figures": scores})
    write_atomic(path, save_tensors(tensors, metadata={"blindspot": about}))
    path.chmod(0o644)
    return WrittenNet(path, f"Scene decliner, seed {seed}", scores)
