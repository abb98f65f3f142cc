"""Rerouting: words of the note are exchanged until a declined question lands among the answered.

A search in rounds over many questions at once. From the best note of its buffer, each question
takes the gradient of the loss with respect to the one-hot of its words, proposes notes in which
n = max(1, floor(k (loss / first loss)^(1 / 1.8))) of k words are replaced by words of the most
negative entries, and keeps the best of all in the buffer. After some rounds without improvement it
goes on from a lower-ranked note, drawn with softmax(-loss); what it skips is kept in an archive and
is not begun from again.

Only the note may change, and only into words, not into marks: the question stays what it was, so
that what is said instead of DECLINE is said to a question that is to be declined.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from engine.core.method import Progress, quiet
from engine.hallucination.ssr_audit.losses import Goal
from engine.hallucination.ssr_audit.network import LAYERS, QuestionNet
from engine.hallucination.ssr_audit.questions import (
    ANY_IDS,
    DECLINE,
    NOTE_IDS,
    NUMBER,
    START,
    EncodedQuestions,
)

EXPONENT = 1.8
BUFFER, TOP = 10, 16  # notes that are kept; words that may replace each one
ALIKE = 1e-7  # losses that differ by less are of the same note

Chooser = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class ReroutingRules:
    """How far a search goes.

    Args:
        rounds: at most.
        width: notes that are tried in each round.
        patience: rounds without improvement until it begins elsewhere.
        blind: notes are drawn at random, without the gradient.
        allowed: the words that a note may be made of.
    """

    rounds: int = 30
    width: int = 32
    patience: int = 5
    blind: bool = False
    allowed: tuple[int, ...] = ANY_IDS


@dataclass(frozen=True, eq=False)
class Rerouted:
    """What came of a search.

    Args:
        notes: the note at which it stopped, (N, k).
        flipped: whether DECLINE is no longer the answer, (N,).
        said: the answer with that note, (N,).
        tried: notes that were tried until then, (N,).
        passes: what that cost in whole forward passes, gradients and the look at each round's
            answer included, (N,).
        paths: the best note so far after each round, (rounds + 1, N, k).
    """

    notes: Tensor
    flipped: Tensor
    said: Tensor
    tried: Tensor
    passes: Tensor
    paths: Tensor


@dataclass(eq=False)
class NoteBuffer:
    """The best notes of one question, in the order of their losses."""

    notes: list[tuple[int, ...]]
    losses: list[float]
    archive: set[tuple[int, ...]] = field(default_factory=set)
    stale: int = 0
    at: int = 0

    def take(self, notes: list[tuple[int, ...]], losses: list[float]) -> None:
        """Put new notes in; of equal losses one is kept, of all the best few."""
        before = self.losses[0]
        # equal losses in the order of the notes' words: no tie hangs on which came first
        merged = sorted(zip([*self.losses, *losses], [*self.notes, *notes], strict=True))
        entries: list[tuple[float, tuple[int, ...]]] = []
        for loss, note in merged:
            if note in self.archive or (entries and loss - entries[-1][0] < ALIKE):
                continue
            entries.append((loss, note))
        self.losses, self.notes = (list(part) for part in zip(*entries[:BUFFER], strict=True))
        better = self.losses[0] < before - ALIKE
        self.stale, self.at = (0 if better else self.stale + 1), 0

    def jump(self, generator: torch.Generator) -> None:
        """Go on from a lower-ranked note; those that are skipped go to the archive."""
        if len(self.notes) < 2:
            self.stale = 0
            return
        chances = torch.softmax(-torch.tensor(self.losses[1:]), 0)
        rank = 1 + int(torch.multinomial(chances, 1, generator=generator))
        self.archive |= set(self.notes[:rank])
        self.notes, self.losses, self.stale = self.notes[rank:], self.losses[rank:], 0


def replaced(loss: float, first_loss: float, words: int) -> int:
    """How many of a note's words are exchanged at once."""
    share = min(1.0, max(0.0, loss / first_loss)) if first_loss > 0 else 0.0
    return max(1, int(words * share ** (1 / EXPONENT)))


def reroute(
    net: QuestionNet,
    prompts: EncodedQuestions,
    goal: Goal,
    rules: ReroutingRules,
    words: int,
    seed: int,
    progress: Progress = quiet,
) -> Rerouted:
    """Search a note of so many words for each question, from one of the usual words at random.

    A question's search ends when the network's answer with its best note is not DECLINE any more.
    """
    generator = torch.Generator().manual_seed(seed)
    count = len(prompts)
    start = torch.tensor(NOTE_IDS)[
        torch.randint(len(NOTE_IDS), (count, words), generator=generator)
    ]
    # words before the note never change: computed once, up to the layer that the loss needs
    past = net.past(prompts.ids[:, :START], goal.depth)
    initial_losses = losses_of(net, past, start, goal)
    buffers = [
        NoteBuffer([tuple(note)], [loss])
        for note, loss in zip(start.tolist(), initial_losses.tolist(), strict=True)
    ]
    best, paths = start.clone(), [start.clone()]
    lowest = initial_losses.clone()
    replies = answers(net, prompts.noted(best))
    # the first note's loss, and the look at its answer
    tried, passes = torch.ones(count), torch.full((count,), goal.depth / LAYERS + 1)
    for at in range(rules.rounds):
        open_rows = [row for row in range(count) if replies[row] == DECLINE]
        progress(at / rules.rounds, f"{count - len(open_rows)} of {count} answered")
        if not open_rows:
            break
        rows = torch.tensor(open_rows)
        for row in open_rows:
            if buffers[row].stale >= rules.patience:
                buffers[row].jump(generator)
        current = torch.tensor([buffers[row].notes[0] for row in open_rows])
        open_prompts = prompts.take(rows).noted(current)
        ranks = None if rules.blind else gradient(net, open_prompts, goal, words, rules.allowed)
        counts = [
            replaced(buffers[row].losses[0], float(initial_losses[row]), words) for row in open_rows
        ]
        candidates = proposed(current, ranks, counts, rules, generator)  # (n, width, k)
        repeated_past = [layer[:, rows.repeat_interleave(rules.width)] for layer in past]
        losses = losses_of(net, repeated_past, candidates.flatten(0, 1), goal).view(
            len(rows), rules.width
        )
        for row, notes, row_losses in zip(
            open_rows, candidates.tolist(), losses.tolist(), strict=True
        ):
            buffers[row].take([tuple(note) for note in notes], row_losses)
            # a jump gives up a buffer's best, so the best of all is held apart
            if buffers[row].losses[0] < lowest[row]:
                lowest[row] = buffers[row].losses[0]
                best[row] = torch.tensor(buffers[row].notes[0])
        replies[rows] = answers(net, prompts.take(rows).noted(best[rows]))
        tried[rows] += rules.width
        # a gradient is counted as three passes: one forward, and backward twice as much
        passes[rows] += (rules.width + (0 if rules.blind else 3)) * goal.depth / LAYERS + 1
        paths.append(best.clone())
    flipped = replies != DECLINE
    return Rerouted(best, flipped, replies, tried, passes, torch.stack(paths))


def gradient(
    net: QuestionNet, prompts: EncodedQuestions, goal: Goal, words: int, allowed: tuple[int, ...]
) -> Tensor:
    """Of the loss, with respect to the one-hot of each word of the note, (N, k, allowed)."""
    with torch.enable_grad():
        embedded = net.words(prompts.ids).detach().requires_grad_(requires_grad=True)
        loss = goal.losses(net, embedded, prompts.last).sum()
        (slope,) = torch.autograd.grad(loss, embedded)
    # the current word's own entry is the same for all that may replace it: the order stays
    return slope[:, START : START + words] @ net.words.weight[list(allowed)].T


def proposed(
    current: Tensor,
    slopes: Tensor | None,
    counts: list[int],
    rules: ReroutingRules,
    generator: torch.Generator,
) -> Tensor:
    """New notes for each question, (N, width, k), in which so many words are replaced.

    Args:
        current: the notes, (N, k).
        slopes: of the loss for each word, (N, k, allowed); None for any word alike.
        counts: how many words are replaced, of each question.
        rules: how many notes for each, and of which words.
        generator: where they are drawn from.
    """
    (rows, words), width = current.shape, rules.width
    allowed = torch.tensor(rules.allowed)
    pool = allowed.expand(rows, words, -1)
    if slopes is not None:
        pool = allowed[slopes.topk(TOP, dim=2, largest=False).indices]
    new = current[:, None].repeat(1, width, 1)
    order = torch.rand(rows, width, words, generator=generator).argsort(2)
    # a permutation: exactly so many of its entries are below the count
    is_replaced = order < torch.tensor(counts)[:, None, None]
    picks = torch.randint(pool.shape[2], (rows, width, words), generator=generator)
    # a word may be drawn for itself: then fewer are replaced
    replacements = pool[torch.arange(rows)[:, None, None], torch.arange(words)[None, None], picks]
    return torch.where(is_replaced, replacements, new)


@torch.no_grad()
def losses_of(net: QuestionNet, past: list[Tensor], notes: Tensor, goal: Goal) -> Tensor:
    """Of notes (N, k) after the words of `past`, (N,)."""
    end = torch.full((len(notes), 1), NUMBER["?"])
    return goal.of(net, net.states_after(past, torch.cat([notes, end], 1)))


@torch.no_grad()
def answers(net: QuestionNet, prompts: EncodedQuestions) -> Tensor:
    """The likeliest word after each prompt, (N,)."""
    return net(prompts).argmax(1)
