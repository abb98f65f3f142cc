"""Masked hard instance mining: a student learns from what its teacher does not find obvious."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from engine.attribution.mhim.bags import BagArrays, side_of
from engine.attribution.mhim.case import BagsCase
from engine.attribution.mhim.masks import RECYCLED, UNMASKED, Masking, select
from engine.attribution.mhim.network import ATTENTION, BagAnswer, BagNetwork, Recycling
from engine.core.method import Progress, quiet
from engine.vision.models.classifier import Classifier
from engine.vision.training import Batch, Recipe, Recorder, train
from engine.vision.training.images import batch_generator
from engine.vision.training.masks import Masks

SHARP = 0.1  # τ of the teacher's embedding
FOLLOW = 0.9999  # μ of the global queries
STUDENT, TEACHER, PICK, RECYCLE = range(4)  # streams of random numbers of a step


@dataclass(frozen=True)
class Mining:
    """How a student is taught.

    Args:
        masking: what it does not see.
        consistency: α, the weight of the loss between the embeddings of teacher and student.
        momentum: m of the teacher, θ_T ← m θ_T + (1 − m) θ_S.
        tokens: k of the recycling network; 0 for none.
        by_class: whether tiles are ranked by their class score (v2) or by attention (v1).
        warm: whether the student begins with the first layer of the network that the teacher is
            (v1).
    """

    masking: Masking = field(default_factory=Masking)
    consistency: float = 0.0
    momentum: float = 0.99
    tokens: int = 0
    by_class: bool = False
    warm: bool = False


@dataclass
class BagObjective:
    """The loss of bags; a training calls it once a step.

    Args:
        features: of all bags, (bags, N, D).
        seed: of dropout and masks.
        how: a student is taught; without it, the network sees every tile (max, mean, ABMIL).
        steps: of the whole training.
        watched: bags whose masks are kept.
        masks: of each watched bag, at each step that it was seen at: (step, tiles).
    """

    features: Tensor
    seed: int
    how: Mining | None = None
    steps: int = 1
    watched: Sequence[int] = ()
    step: int = 0
    masks: dict[int, list[tuple[int, NDArray[np.int8]]]] = field(default_factory=dict)

    def __call__(self, model: Classifier, batch: Batch) -> Tensor:
        """The loss of each bag, (n,)."""
        network = bag_network(model)
        tiles = self.features[torch.from_numpy(batch.rows)]
        if not network.training:
            return F.cross_entropy(network.read(tiles).logits, batch.targets, reduction="none")
        # a stream for each use: with nothing masked, dropout is that of the plain network
        noise = [batch_generator(self.seed, 61, self.step, stream) for stream in range(4)]
        done, self.step = self.step / self.steps, self.step + 1
        if self.how is None or batch.average is None:
            result = network.read(tiles, noise=noise[STUDENT])
            return F.cross_entropy(result.logits, batch.targets, reduction="none")
        teacher_answer = teach(bag_network(batch.average), tiles, noise[TEACHER])
        scores = tile_scores(bag_network(batch.average), teacher_answer, by_class=self.how.by_class)
        masks = select(scores, self.how.masking, done, noise[PICK])
        self.keep(batch, masks)
        result = student(network, tiles, masks, noise[STUDENT], noise[RECYCLE])
        loss = F.cross_entropy(result.logits, batch.targets, reduction="none")
        if self.how.consistency:
            loss = loss + self.how.consistency * consistency(
                teacher_answer.embedding, result.embedding
            )
        return loss

    def keep(self, batch: Batch, masks: Tensor) -> None:
        """Note the masks of the bags that are watched."""
        for row, mask in zip(batch.rows.tolist(), masks, strict=True):
            if row in self.watched:
                self.masks.setdefault(row, []).append((self.step, mask.numpy().copy()))


def bag_network(model: Classifier) -> BagNetwork:
    """The network inside a model of bags."""
    network = model.network
    if not isinstance(network, BagNetwork):
        raise TypeError(f"{model.title} is no network of bags")
    return network


@torch.no_grad()
def teach(teacher: BagNetwork, tiles: Tensor, noise: torch.Generator) -> BagAnswer:
    """What the teacher makes of the whole bags, with dropout as in training, without a gradient."""
    return teacher.read(tiles, noise=noise)


def tile_scores(teacher: BagNetwork, taught: BagAnswer, *, by_class: bool) -> Tensor:
    """By what tiles are ranked, (B, N): attention, or the score of the tile's likeliest class."""
    return teacher.class_scores(taught).amax(-1) if by_class else taught.weights


def student(
    network: BagNetwork,
    tiles: Tensor,
    masks: Tensor,
    noise: torch.Generator,
    recycled_noise: torch.Generator,
) -> BagAnswer:
    """What the student makes of the tiles that it sees, and of tokens of the recycled ones."""
    if bool((masks == UNMASKED).all()):
        return network.read(tiles, noise=noise)
    visible, recycled_mask = ((masks == kind).to(tiles.device) for kind in (UNMASKED, RECYCLED))
    if network.recycling is None or not recycled_mask.any():
        return network.read(tiles, visible, noise)
    return network.read(tiles, visible, noise, recycled_mask, recycled_noise)


def consistency(teacher: Tensor, own: Tensor) -> Tensor:
    """Soft cross-entropy over the dimensions of the embeddings (B, H), (B,)."""
    # τ is 1 for the student; over dimensions of the embedding, not over classes, as published
    return -((teacher / SHARP).softmax(1) * own.log_softmax(1)).sum(1)


@dataclass
class Teaching(Recorder):
    """A recorder whose average is the teacher, and begins as another network."""

    begins: Classifier | None = None

    def begin(self, model: Classifier, masks: Masks, start: int) -> None:
        """As any recorder; then the teacher gets the other network's weights."""
        super().begin(model, masks, start)
        if self.average is not None and self.begins is not None:
            weights = self.begins.network.state_dict()
            self.average.network.load_state_dict(weights, strict=False)  # it recycles nothing


@dataclass(frozen=True, eq=False)
class TrainedBagNetwork:
    """A network of bags after its training.

    Args:
        model: the network; of masked mining, the student.
        teacher: of masked mining.
        objective: with the masks that were watched.
    """

    model: Classifier
    teacher: Classifier | None
    objective: BagObjective


def learn(
    case: BagsCase,
    bags: BagArrays,
    recipe: Recipe,
    pooling: str = ATTENTION,
    how: Mining | None = None,
    begins: Classifier | None = None,
    watched: Sequence[int] = (),
    progress: Progress = quiet,
) -> TrainedBagNetwork:
    """Train a network on the training bags.

    Args:
        case: the bags, and the seed.
        bags: the same as numbers.
        recipe: of the training.
        pooling: of the network.
        how: it is taught, by masked mining.
        begins: what its teacher begins as: a plain network.
        watched: bags whose masks are kept.
        progress: of the training.
    """
    model = untrained(case, bags, pooling, how)
    rows = bags.slides.rows("train")
    steps = recipe.epochs * -(-len(rows) // recipe.batch)
    recorder = Teaching(begins=begins)
    if how is not None:
        how.masking.check(bags.layout.size)
        recorder.decay = how.momentum
        if how.warm and begins is not None:
            bag_network(model).embed.load_state_dict(bag_network(begins).embed.state_dict())
    objective = BagObjective(bags.features, case.seed, how, steps, watched)
    train(
        model,
        bags.slides,
        recipe,
        case.seed,
        objective=objective,
        recorder=recorder,
        progress=progress,
    )
    return TrainedBagNetwork(model, recorder.average, objective)


@dataclass(frozen=True)
class FeatureExtractor:
    """From a bag's picture to features, as the bags were read; copies of it are itself."""

    reader: Classifier
    size: int
    spread: float

    def __deepcopy__(self, memo: object) -> FeatureExtractor:
        return self

    def __call__(self, pictures: Tensor) -> Tensor:
        """Features (B, N, D) of pictures (B, 3, H, W)."""
        tile = pictures.shape[-1] // side_of(self.size)
        cut = pictures.unfold(2, tile, tile).unfold(3, tile, tile)  # (B, 3, rows, columns, t, t)
        tiles = cut.permute(0, 2, 3, 1, 4, 5).flatten(1, 2)[:, : self.size]
        flat = tiles.flatten(0, 1)
        side = self.reader.side
        if flat.shape[-1] != side:
            flat = F.interpolate(flat, (side, side), mode="area")
        return self.reader.features(flat).view(len(pictures), self.size, -1) / self.spread


def untrained(
    case: BagsCase, bags: BagArrays, pooling: str, how: Mining | None = None
) -> Classifier:
    """A network of bags with first weights of the seed; the same ones with and without mining."""
    cut, classes = FeatureExtractor(case.model, bags.layout.size, bags.spread), case.data.classes
    with torch.random.fork_rng(devices=[]):  # torch draws first weights that are replaced below
        recycling = None
        if how is not None and how.tokens:
            recycling = Recycling(how.tokens, FOLLOW, batch_generator(case.seed, 63))
        network = BagNetwork(
            bags.features.shape[-1],
            len(classes),
            pooling,
            cut,
            batch_generator(case.seed, 62),
            recycling,
        )
    return Classifier(
        network,
        f"{case.data.name}-{pooling}",
        f"{case.data.card.title} · {pooling}",
        bags.slides.side,
        labels=classes,
        device=case.model.device,
    )
