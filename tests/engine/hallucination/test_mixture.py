"""A mixture of experts: its router and experts against plain code and Mixtral, and its training."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from engine.vision.data.scenes import Scenes
from engine.vision.language.tiny_vlm.decoder import Inside
from engine.vision.language.tiny_vlm.lessons import Habit
from engine.vision.language.tiny_vlm.mixture import EXPERTS, balance, route_tokens
from engine.vision.language.tiny_vlm.model import TinyVLM
from engine.vision.language.tiny_vlm.parts import Parts, fresh, parts_copy, upcycled
from engine.vision.language.tiny_vlm.training import TrainingPlan, quick, train_mixture
from engine.vision.language.tiny_vlm.training.school import CaptionedScenes
from engine.vision.language.tiny_vlm.training.speaking import spoken_loss
from engine.vision.language.tiny_vlm.training.stress import TokenLossWeights
from engine.vision.language.vlm import RequestedOutputs
from tests.engine.hallucination.tiny import mixture, one_pass, prompts, scenes, untrained

ANSWER_TOKENS = torch.tensor([[40, 21, 30, 55, 10], [12, 60, 33, 20, 71]])
OUTPUTS = RequestedOutputs(routing=(0, 1, 2), gates=(0, 1, 2), rows="all")


def routed(vlm, want=OUTPUTS):
    return one_pass(vlm, scenes()[:2], torch.cat([prompts(count=2), ANSWER_TOKENS], 1), want)


def block():
    return mixture().parts.decoder.stack[0]


def hidden(places=7):
    return torch.randn(2, places, 128, generator=torch.Generator().manual_seed(1))


def slowly(layer, values, ranks):
    """One token after the other, by the formula."""
    answers = []
    for token in values.flatten(0, 1):
        p = (layer.router.weight @ token).softmax(-1)
        order = sorted(range(EXPERTS), key=lambda index: -float(p[index]))
        experts = [order[rank] for rank in ranks]
        total = sum(p[number] for number in experts)
        answer = torch.zeros(128)
        for expert in experts:
            gate, up, down = (
                getattr(layer.experts[expert], name).weight for name in ("gate", "up", "down")
            )
            answer += p[expert] / total * (down @ (F.silu(gate @ token) * (up @ token)))
        answers.append(answer)
    return torch.stack(answers).view_as(values)


@pytest.mark.parametrize("ranks", [(0, 1), (2,), (7,), (1, 4, 6)])
def test_router_and_experts_are_the_formula(ranks):
    output, _ = block().said(hidden(), ranks)
    assert torch.allclose(output, slowly(block(), hidden(), ranks), atol=1e-5)
    if ranks == (0, 1):
        assert torch.equal(output, block().said(hidden(), None)[0])


def test_the_two_best_are_those_of_mixtral():
    pytest.importorskip("transformers")
    from transformers import MixtralConfig
    from transformers.models.mixtral.modeling_mixtral import MixtralSparseMoeBlock

    layer = block()
    peer = MixtralSparseMoeBlock(
        MixtralConfig(
            hidden_size=128, intermediate_size=128, num_local_experts=EXPERTS, num_experts_per_tok=2
        )
    ).eval()
    with torch.no_grad():
        peer.gate.weight.copy_(layer.router.weight)
        for number, expert in enumerate(layer.experts):
            peer.experts.gate_up_proj[number] = torch.cat([expert.gate.weight, expert.up.weight])
            peer.experts.down_proj[number] = expert.down.weight
        assert torch.allclose(layer.said(hidden(), None)[0], peer(hidden()), atol=1e-5)


def test_weights_sum_to_one_and_uneven_use_counts_in_a_mixture_only():
    router = torch.randn(50, EXPERTS, generator=torch.Generator().manual_seed(0)).softmax(-1)
    for rank in range(EXPERTS):
        experts, weights = route_tokens(router, (rank,))
        assert torch.equal(weights, torch.ones(50, 1))
        assert torch.equal(experts[:, 0], router.argsort(-1, descending=True)[:, rank])
    assert torch.allclose(route_tokens(router, (0, 3, 5))[1].sum(-1), torch.ones(50))
    parts = mixture().parts
    assert 2 <= (loss(parts, 0.5) - loss(parts, 0.0)).item() / 0.5 <= EXPERTS
    assert torch.equal(loss(untrained().parts, 0.5), loss(untrained().parts, 0.0))


def test_balance_is_that_of_mixtral_and_two_where_all_are_asked_alike():
    pytest.importorskip("transformers")
    from transformers.models.mixtral.modeling_mixtral import load_balancing_loss_func

    inside = block().said(hidden(), None)[1]
    expected = load_balancing_loss_func((block().router(hidden()).flatten(0, 1),), EXPERTS, 2)
    assert balance([inside]) == pytest.approx(float(expected), rel=1e-5)
    even = torch.full((1, EXPERTS, EXPERTS), 1 / EXPERTS)
    shares = (torch.eye(EXPERTS) + torch.eye(EXPERTS).roll(1, 0))[None] / 2
    assert balance([Inside(even, even, shares)]) == pytest.approx(2)


def test_it_begins_as_the_dense_model_and_training_computes_what_the_cached_one_does():
    dense = TinyVLM(parts_copy(untrained().parts), "dense", "dense")
    dense.parts.decoder.norm.gain.copy_(torch.linspace(0.5, 2, 128))
    begun = TinyVLM(upcycled(dense.parts, 5), "begun", "begun")
    assert torch.allclose(routed(begun).logits, routed(dense).logits, atol=1e-5)
    first = routed(begun).routing[0]
    assert torch.equal((first > 0).sum(-1), torch.full_like(first[..., 0], 2).long())
    assert torch.equal(first[..., :4] > 0, first[..., 4:] > 0)  # always two halves
    vlm = mixture()
    image = vlm.encode_image(vlm.normalize(scenes()[:2]))
    out = vlm.prefill(image, prompts(count=2))[0]
    for token in ANSWER_TOKENS.T:
        out = vlm.step(token, out.cache)
    packed = vlm.answers(image, torch.cat([prompts(count=2), ANSWER_TOKENS], 1)[:, None])
    assert torch.allclose(packed[:, 0], out.logits.log_softmax(-1), atol=1e-4)
    assert torch.allclose(routed(vlm).logits, out.logits, atol=1e-4)


def test_what_is_shown_of_the_routing_is_who_was_asked():
    out = routed(mixture(), replace(OUTPUTS, ranks=(3,)))
    for layer in range(3):
        assert torch.equal(out.routing[layer].sum(-1), torch.ones_like(out.routing[layer][..., 0]))
        open_gates = out.gates[layer].unflatten(-1, (EXPERTS, -1)).abs().amax(-1) > 0
        assert torch.equal(open_gates, out.routing[layer] == 1)
    assert routed(mixture(), RequestedOutputs(routing=(1,))).routing[1].shape == (2, 1, EXPERTS)
    rows = torch.tensor([1, 1, 0])
    assert torch.equal(out.take(rows).routing[2], out.routing[2][rows])
    assert "routing" in mixture().spec.caps
    assert "routing" not in untrained().spec.caps
    assert routed(untrained()).routing == {}
    with pytest.raises(ValueError, match="5 experts"):
        Parts(5)


def loss(parts, even):
    room = CaptionedScenes.of(parts, Scenes(16, "biased", seed=3), Habit(), 5)
    return spoken_loss(parts, room.features, room.said, torch.arange(16), TokenLossWeights(), even)


def test_training_parts_the_experts_and_leaves_the_honest_model_alone():
    honest = fresh(0)
    before = parts_copy(honest)
    models = [train_mixture(honest, quick(TrainingPlan(seed=1))) for _ in range(2)]
    for parts, others in ((before, honest), models):
        for name, tensor in parts.state_dict().items():
            assert torch.equal(tensor, others.state_dict()[name]), name
    first, second = (models[0].decoder.stack[0].experts[expert].down.weight for expert in (0, 1))
    assert not torch.equal(first, second)
