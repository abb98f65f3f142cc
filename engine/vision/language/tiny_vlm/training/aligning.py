"""Stage B0: a cell's tokens come to mean the word of what lies in it."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.vision.data.sprites import CATEGORIES, COLORS, THEMES
from engine.vision.language.tiny_vlm.decoder import SCALE, WIDTH
from engine.vision.language.tiny_vlm.encoder import by_cell
from engine.vision.language.tiny_vlm.lessons import cell_contents
from engine.vision.language.tiny_vlm.parts import Parts
from engine.vision.language.tiny_vlm.training.plan import TrainingPlan
from engine.vision.language.tiny_vlm.training.school import CaptionedScenes
from engine.vision.language.tiny_vlm.training.steps import learn
from engine.vision.language.tiny_vlm.training.stress import token_ids


def align(parts: Parts, room: CaptionedScenes, plan: TrainingPlan) -> None:
    """B0: a cell's projected tokens name what lies in it, by the embeddings of the words."""
    targets, colors = cell_contents(room.layout)
    theme = torch.from_numpy(room.layout.theme)
    parts.decoder.words.requires_grad_(requires_grad=True)
    words = parts.decoder.words.weight
    parts.projector.requires_grad_(requires_grad=True)
    # no word means an empty cell: this vector stands in for one, and is not kept
    nothing = nn.Parameter(torch.zeros(1, WIDTH))
    weights = [*parts.projector.parameters(), *parts.decoder.words.parameters(), nothing]
    optimizer = torch.optim.AdamW(weights, 3e-3, weight_decay=0.01)
    generator = torch.Generator().manual_seed(plan.seed + 1)
    nouns, paints, themes = (token_ids(names) for names in (CATEGORIES, COLORS, THEMES))

    def loss() -> Tensor:
        rows = room.clear[torch.randint(len(room.clear), (96,), generator=generator)]
        tokens = by_cell(parts.projector(room.features[rows]))
        # as the decoder reads out its states, whose final norm has a gain of 1 at this stage
        read = F.rms_norm(tokens, (WIDTH,))
        image_mean = F.rms_norm(tokens.mean(1), (WIDTH,))
        logits = read @ torch.cat([words[nouns], nothing]).T * SCALE
        named = F.cross_entropy(logits.flatten(0, 1), targets[rows].flatten())
        painted = (read @ words[paints].T * SCALE).flatten(0, 1)
        named = named + 0.3 * F.cross_entropy(painted, colors[rows].flatten(), ignore_index=-1)
        return named + 0.3 * F.cross_entropy(image_mean @ words[themes].T * SCALE, theme[rows])

    learn(optimizer, weights, loss, plan.aligned, lambda step: 3e-3 * (1 - step / plan.aligned))
