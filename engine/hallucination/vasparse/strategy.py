"""VASparse: a cache thinned out with an eye to the image, and what is left as the contrast.

In every layer, of n tokens that compete, the ⌈keep · n⌉ with the highest score stay in the cache

    δ_i = W_i · a_i² + λ · P_i,   P_i = softmax_i( Σ_{k in image} a_ik )

where a_i is the newest word's attention to token i and a_ik is token i's own attention to image
token k, both the mean over heads. The next word's logits are held against those of a state that
has lost a share of the image's tokens, drawn without regard to what is seen, and that may leave
after a few layers: z = l − η · l_sparse on the plausible words. At layer 0 that state is the last
word's embedding, and no second pass is run: the default. Words that soak up attention (full stops,
the beginning) get less: column j of the text has the mean share s_j over all later tokens; where
s_j > τ its weight is multiplied by 1 − γ s_j / max s, and every row adds up to 1 again.

Zhuang et al. 2025, VASparse: Towards Efficient Visual Hallucination Mitigation via Visual-Aware
Token Sparsification, https://arxiv.org/abs/2501.06553. Where the paper scores the raw product
(q·K_i)², this takes attention after softmax, as the released code does. W is 1: sinks are held down
by the calibration, whose exact form was worked out from the description.

By the formula all tokens compete. P is a softmax over shares, so it is nearly flat, and λ · P
outweighs a² for most tokens: words, which look at the image less than its own tokens do, go first,
the beginning among them. The released code (github.com/mengchuang123/VASparse-github) scores image
columns only, and so does the default here (`compete`).

It is not followed where it slips: its pruning of the first pass is switched off; its counter of
merges rises inside the loop over layers, so that only the first layer merges; its masked cache is
unmasked and its early exit is layer 0; positions go on from the length of the shortened cache.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.core.errors import DoesNotFit
from engine.core.method import Choice, Slider, setting
from engine.core.result import Curve, Floats, Grids, Table, View
from engine.evaluation.language.strategy import Strategy
from engine.hallucination.decoding.contrast import contrast_logits
from engine.hallucination.vasparse.keeping import calibrated, recovered
from engine.hallucination.vasparse.thinning import RANKINGS, Rule, TokenMemory, when_lost
from engine.vision.language.case import CaptionCase
from engine.vision.language.decoding.generate import Spoken
from engine.vision.language.decoding.noise import generator_for
from engine.vision.language.decoding.session import Moment, Proposal, Session, Start
from engine.vision.language.vlm import Cache, ModelSpec, RequestedOutputs, StepOut

IMAGE, EVERY = "image tokens", "all tokens"  # which of them compete for a place
CUT = 0.1  # of the best word's probability, below which a word is not plausible


@dataclass(frozen=True)
class VASparse(Strategy):
    """The answer from a memory that keeps what is looked at and what looks at the image.

    The model remembers every token it read: 64 for the image, one for each word. Few of them get
    nearly all attention. Here only a share of the image's tokens is kept in each layer, chosen so
    that tokens which look at the image stay; the beginning and all words stay too. The maps show
    which tokens were left. What the model would say from its last word alone is subtracted, and
    words that draw attention without saying anything are held down. With “all tokens” and “masked
    cache” it is as the paper describes it. Keeping less saves work: see the places looked at.
    """

    name = "VASparse"
    title = "VASparse"
    paper = "Zhuang et al. 2025, https://arxiv.org/abs/2501.06553"
    needs = frozenset({"attention", "select", "exit"})
    batched = False  # every answer keeps places of its own
    proof = (
        "tests/engine/hallucination/vasparse/test_vasparse.py"
        "::test_the_cache_is_as_long_as_computed_and_holds_the_highest_scores"
    )
    revision = 2  # text is protected unless asked otherwise; masks belong to the image

    keep: float = setting(
        0.8,
        Slider(0.1, 1.0, 0.05),
        "Kept",
        "The share of the competing tokens that stays in memory.",
    )
    compete: str = setting(
        IMAGE,
        Choice((IMAGE, EVERY)),
        "Competing",
        "Image tokens only, as in the released code, "
        "or all tokens, as in the paper's formula: then the beginning and words of the question "
        "can be dropped too.",
    )
    ranking: str = setting(
        RANKINGS[0],
        Choice(RANKINGS),
        "Chosen",
        "By attention and by what looks at the image, by "
        "attention alone (top-k, λ = 0), or at random.",
    )
    visual: float = setting(
        1.0,
        Slider(0.0, 10.0, 0.5),
        "Visual weight λ",
        "How much it counts for a token that it looks at the image itself.",
    )
    eta: float = setting(
        0.1,
        Slider(0.0, 1.0, 0.05),
        "Strength η",
        "How much of the state without image tokens is subtracted.",
    )
    source: str = setting(
        "embedding",
        Choice(("embedding", "masked cache")),
        "Held against",
        "Only the last word's "
        "embedding, as in the released code, or a second pass over a cache with image tokens "
        "blotted out, as the paper describes it.",
    )
    depth: str | None = setting(
        "1",
        Choice(source="layers", off="the last"),
        "Early exit",
        "After how many layers the pass over the masked cache ends.",
    )
    masked: float = setting(
        0.5, Slider(0.0, 1.0, 0.05), "Masked", "The share of the image's tokens that it loses."
    )
    gamma: float = setting(
        0.3,
        Slider(0.0, 1.0, 0.05),
        "Sink calibration γ",
        "How much less words that soak up attention get.",
    )
    sink: float = setting(
        0.1,
        Slider(0.0, 0.5, 0.01),
        "Sink from τ",
        "The mean share of attention from which a word counts as a sink.",
    )
    merge: int | None = setting(
        None,
        Slider(8, 64, 1, "words", off="off"),
        "Merge every",
        "Whenever the answer's words "
        "in memory are a multiple of this, the first of them become one. The paper takes 32.",
    )
    merged: float = setting(
        0.1,
        Slider(0.1, 0.9, 0.05),
        "Share merged",
        "Of the answer's words in memory. The paper "
        "takes 0.1, which in short answers merges nothing.",
    )

    def wanted(self, spec: ModelSpec, /) -> RequestedOutputs:
        """Attention of all layers; of all rows when image and prompt are read.

        Raises:
            DoesNotFit: the model has no such layer.
        """
        if self.depth is not None and self.depth not in map(str, range(spec.layers + 1)):
            raise DoesNotFit(f"The model has layers 0 to {spec.layers}, not {self.depth}.")
        return RequestedOutputs(attention=tuple(range(spec.layers)), rows="all")

    @property
    def exit(self) -> int | None:
        """After how many layers the weak pass ends; None for all."""
        if self.source == "embedding":
            return 0
        return None if self.depth is None else int(self.depth)

    def session(self, start: Start) -> TokenPruningSession:
        """Begin to answer."""
        return TokenPruningSession(self, start)

    def shown(self, case: CaptionCase, spoken: Spoken, /) -> dict[str, View]:
        """What was kept.

        Returns:
            kept: 1 for each of the image's tokens that was in memory when a word was chosen; not
                where they have no place in the image.
            dropped: for the beginning, each word of the prompt and of the answer, at the choice of
                which word (from 1) each layer no longer held it; NaN where it stayed.
            places: for each word, how many tokens each layer held, and how much of the attention
                the kept ones had got before the others went.
        """
        steps, layers = spoken.steps[0], case.vlm.spec.layers
        columns: dict[str, tuple[Floats, str]] = {}
        for name, note, unit in (("held", "held", "tokens"), ("attention kept", "mass", "share")):
            values = np.array([step.notes[note] for step in steps]).reshape(-1, layers)
            columns |= {f"{name} in layer {at + 1}": (values[:, at], unit) for at in range(layers)}
        words = case.vlm.tokenizer.convert_ids_to_tokens([step.token for step in steps])
        views: dict[str, View] = {}
        if (grid := case.vlm.spec.grid) is not None:
            in_memory = np.array([step.notes["kept"] for step in steps], np.float32)
            views["kept"] = Grids(in_memory.reshape(-1, layers, *grid), "in memory")
        return views | {"places": Table.of(columns, words), "dropped": self.dropped(case, spoken)}

    @staticmethod
    def dropped(case: CaptionCase, spoken: Spoken) -> Table:
        """When each layer lost each token of the text."""
        steps = spoken.steps[0]
        first = steps[0].notes["text"].shape[-1] - len(case.words) if steps else 1
        ids = [case.vlm.spec.bos] * first + [*case.words, *(step.token for step in steps[:-1])]
        lost = when_lost([step.notes["text"] for step in steps], case.vlm.spec.layers, len(ids))
        names = case.vlm.tokenizer.convert_ids_to_tokens(ids)
        return Table.of({f"layer {at + 1}": (row, "word") for at, row in enumerate(lost)}, names)


class TokenPruningSession(Session[VASparse]):
    """Thins the cache out before each word is read; positions stay as they were."""

    def __init__(self, method: VASparse, start: Start) -> None:
        super().__init__(method, start)
        model, self.spec = start.model, start.model.vlm.spec
        self.device = start.out.logits.device
        self.image = start.prefix.image.to(self.device)
        self.first = [] if 0 in start.prefix.image else [self.spec.bos]  # else it is in the prompt
        begin = torch.zeros(len(self.first), dtype=torch.int64)
        self.text = torch.cat([begin, start.prefix.prompt])
        generator = generator_for(start.images[0], start.seed)
        self.blotted = self.drawn(generator)
        rule = Rule(method.keep, method.visual, method.compete == IMAGE, method.ranking)
        self.memory = TokenMemory(self.spec, start.prefix, start.out, rule, generator)
        self.law = recovered(
            torch.stack(
                [start.out.attention[at][0, :, -1].mean(0) for at in range(self.spec.layers)]
            )
        ).mean(0)
        self.said = start.prompts[0, :0]
        self.weak: StepOut | None = None
        if method.eta > 0:
            # the prompt's last word is read again, so that the first word has a weak state too
            short = start.out.cache.crop(start.prefix.response - 1)
            self.weak = model.step(
                start.prompts[:, -1], self.without_image(short), exit_layer=method.exit
            )

    def drawn(self, generator: torch.Generator) -> Tensor:
        """Positions of the image's tokens that the weak state loses, drawn once for an answer."""
        count = round(self.method.masked * len(self.image))
        order = torch.randperm(len(self.image), generator=generator).to(self.device)
        return self.image[order[:count]]

    def without_image(self, cache: Cache) -> Cache:
        """A cache without the blotted tokens of the image."""
        # layers behind the exit are not run: what they hold does not matter
        for layer in range(self.spec.layers if self.method.exit is None else self.method.exit):
            is_masked = torch.isin(cache.positions(layer)[0], self.blotted)
            cache = cache.select(layer, (~is_masked).nonzero()[:, 0])
        return cache

    def propose(self, now: Moment, /) -> Proposal:
        """The model against itself with less of the image."""
        strong = now.out.logits
        positions = [now.out.cache.positions(layer)[0] for layer in range(self.spec.layers)]
        response = self.start.prefix.response + torch.arange(now.said.shape[1])
        text = torch.cat([self.text, response]).to(self.device)
        notes = {
            "text": torch.stack([torch.isin(text, places) for places in positions])[None],
            "kept": torch.stack([torch.isin(self.image, places) for places in positions])[None],
            "held": torch.tensor([[len(places) for places in positions]]),
            "mass": self.memory.mass[None].clone(),
        }
        if self.weak is None:
            return Proposal(strong, strong, notes=notes)
        weak = self.weak.logits
        return Proposal(
            contrast_logits(strong, weak, 1.0, self.method.eta, CUT), strong, weak, notes
        )

    def read(self, now: Moment, tokens: Tensor, /) -> StepOut:
        """Thin the cache out, read the word with it, and with less of the image."""
        cache = now.out.cache
        if self.method.merge is not None:
            cache = self.memory.condensed(cache, self.method.merge, self.method.merged)
        cache = self.memory.thinned(cache, now.out)
        if self.weak is not None:
            weak = self.without_image(cache)
            self.weak = self.start.model.step(tokens, weak, exit_layer=self.method.exit)
        raw: dict[int, Tensor] = {}
        places = [
            torch.cat([cache.positions(layer)[0], cache.next_position])
            for layer in range(self.spec.layers)
        ]

        def less(layer: int, shares: Tensor) -> Tensor:
            # sinks are told by attention before calibration: after it they stand out no more
            raw[layer] = shares
            at, method = places[layer], self.method
            mean = self.memory.sums.mean(layer, at)
            return calibrated(shares, self.memory.is_text[at], mean, method.gamma, method.sink)

        # at γ = 0 the division of rows by their sum would still change last digits
        hook = less if self.method.gamma > 0 else None
        out = self.start.model.step(tokens, cache, self.start.want, attn_hook=hook)
        self.memory.note(out, raw, places)
        return out

    def finished(self, now: Moment, /) -> Moment:
        """What was said."""
        self.said = now.said[0]
        return now

    def views(self) -> dict[str, View]:
        """The law of attention, and what words soak it up.

        Returns:
            recovered: the share of attention that the most looked at tokens hold, against the
                share of tokens; at the last word of the prompt, mean over heads and layers.
            sinks: the mean share of attention that each word got from all behind it, before and
                after calibration, mean over layers; of the beginning, the prompt and the answer.
        """
        tokenizer, prefix = self.start.model.vlm.tokenizer, self.start.prefix
        share = (np.arange(len(self.law)) + 1) / len(self.law)
        law = self.law.float().cpu().numpy().astype(np.float32)
        response = prefix.response + torch.arange(len(self.said) - 1)  # the last word was not read
        places = torch.cat([self.text, response])
        sums = self.memory.sums
        rows = sums.rows[:, places].clamp(min=1)
        before, after = (
            (totals[:, places] / rows).mean(0).cpu().numpy() for totals in (sums.before, sums.after)
        )
        words = [*self.first, *self.start.prompts[0].tolist(), *self.said[:-1].tolist()]
        return {
            "recovered": Curve(
                share.astype(np.float32), law, "share of tokens", "share of attention", "share"
            ),
            "sinks": Table.of(
                {"before": (before, "share"), "after": (after, "share")},
                tokenizer.convert_ids_to_tokens(words),
            ),
        }
