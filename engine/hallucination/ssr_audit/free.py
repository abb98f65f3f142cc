"""The continuous version: the note's embeddings move freely, each by at most ρ in L2.

Of the note's k embedded words the state of the question hangs on all; ρ bounds the move of each
word, in shares of the mean distance between the embeddings of two words of notes.
"""

import torch
from torch import Tensor

from engine.core.method import Progress, quiet
from engine.hallucination.ssr_audit.losses import Goal
from engine.hallucination.ssr_audit.network import QuestionNet
from engine.hallucination.ssr_audit.questions import NOTE_IDS, START, EncodedQuestions

REACH = 2.5  # how far all steps together could go, in ρ


def mean_embedding_distance(net: QuestionNet) -> float:
    """The mean distance between the embeddings of two different words of notes."""
    embeddings = net.words.weight[list(NOTE_IDS)]
    return float(torch.nn.functional.pdist(embeddings).mean())


def gradient_answers(
    net: QuestionNet,
    prompts: EncodedQuestions,
    goal: Goal,
    rho: float,
    steps: int,
    words: int,
    progress: Progress = quiet,
) -> Tensor:
    """What is said, (N,), after the note's embeddings went down the gradient of the loss.

    Args:
        net: the network.
        prompts: questions with a note of `words` words.
        goal: the loss.
        rho: the largest move of each word, in shares of the mean distance between words.
        steps: along the gradient, normalized for each word.
        words: of the note.
        progress: told of the steps.
    """
    bound = rho * mean_embedding_distance(net)
    place = slice(START, START + words)
    embeddings = net.words(prompts.ids).detach()
    change = torch.zeros_like(embeddings[:, place])
    for step in range(steps if bound > 0 else 0):
        with torch.enable_grad():
            change.requires_grad_()
            # prompts do not meet: the sum's gradient is that of each one's own loss
            loss = goal.losses(net, with_note(embeddings, change, place), prompts.last).sum()
            (slope,) = torch.autograd.grad(loss, change)
        length = slope.norm(dim=2, keepdim=True).clamp(min=1e-12)
        change = change.detach() - REACH * bound / steps * slope / length
        # back onto the ball; below the bound the clamp makes the factor 1
        change = change * (bound / change.norm(dim=2, keepdim=True).clamp(min=bound))
        progress((step + 1) / steps, "moving")
    with torch.no_grad():
        hidden = net.at_places(with_note(embeddings, change, place))
        return net.logits(net.states(hidden, prompts.last)[-1]).argmax(1)


def with_note(embeddings: Tensor, change: Tensor, place: slice) -> Tensor:
    """Embedded words (N, T, d) with the note's changed."""
    result = embeddings.clone()
    result[:, place] = embeddings[:, place] + change
    return result
