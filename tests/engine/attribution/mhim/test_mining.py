"""Teacher and student against plain training, closed forms, and what must carry no gradient."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.attribution.mhim import mining
from engine.attribution.mhim.bags import bags_of, laid_out, on_slide
from engine.attribution.mhim.masks import RECYCLED, UNMASKED, Masking
from engine.attribution.mhim.methods import recipe
from engine.attribution.mhim.network import ATTENTION, MAX, MEAN
from engine.vision.training.images import batch_generator
from tests import tiny
from tests.tiny import seeded

CASE = tiny.bags_case()
MASKED = mining.Mining(Masking(0.2, 0.5, random=0.3), consistency=0.5, momentum=0.9)
RECYCLING = mining.Mining(Masking(0.2, 0.5, recycled=0.4), 0.5, 0.9, tokens=2, by_class=True)


@pytest.fixture(scope="module")
def bags():
    return bags_of(CASE)


def weights(model):
    return {name: tensor.clone() for name, tensor in model.network.state_dict().items()}


def same(first, other):
    return all(torch.equal(first[name], other[name]) for name in other)


def plain_by_hand(bags, epochs=2, seed=0):
    """ABMIL trained in a loop of its own: order, dropout and steps as the trainer's."""
    model, how = mining.untrained(replace(CASE, seed=seed), bags, ATTENTION), recipe(epochs)
    network, rows = mining.bag_network(model).train(), bags.slides.rows("train")
    network.requires_grad_(requires_grad=True)
    adam = torch.optim.Adam(network.parameters(), how.rate, weight_decay=how.decay)
    step, steps = 0, epochs * -(-len(rows) // how.batch)
    for epoch in range(epochs):
        order = np.random.default_rng([seed, epoch]).permutation(rows)
        for part in np.array_split(order, -(-len(rows) // how.batch)):
            hidden = F.gelu(network.embed(bags.features[torch.from_numpy(part)]))
            mask = torch.rand(hidden.shape, generator=batch_generator(seed, 61, step, 0)) >= 0.25
            hidden = hidden * mask / 0.75
            match = network.weigh(F.gelu(network.look(hidden))).squeeze(-1)
            pooled = (match.softmax(1)[..., None] * hidden).sum(1)
            labels = torch.from_numpy(bags.slides.labels[part])
            loss = F.cross_entropy(network.head(pooled), labels)
            adam.zero_grad()
            loss.backward()
            for group in adam.param_groups:
                group["lr"] = how.rate_at(step / steps)
            adam.step()
            step += 1
    return weights(model)


def test_plain_attention_is_the_loop_of_the_paper_and_so_is_keeping_all_to_the_bit(bags):
    result, expected = weights(mining.learn(CASE, bags, recipe(2)).model), plain_by_hand(bags)
    for name, tensor in expected.items():
        assert torch.allclose(result[name], tensor, atol=1e-6), name
    plain = weights(mining.learn(CASE, bags, recipe(2)).model)
    nothing = replace(RECYCLING, masking=Masking(recycled=0.0), tokens=0, consistency=0.0)
    assert same(weights(mining.learn(CASE, bags, recipe(2), how=nothing).model), plain)


@pytest.mark.parametrize("by_class", [False, True])
def test_without_masks_and_consistency_the_student_is_plain_attention_to_the_bit(bags, by_class):
    plain = mining.learn(CASE, bags, recipe(3)).model
    nothing = mining.Mining(Masking(), 0.0, 0.9, by_class=by_class)
    assert same(weights(mining.learn(CASE, bags, recipe(3), how=nothing).model), weights(plain))
    assert not same(weights(mining.learn(CASE, bags, recipe(3), how=MASKED).model), weights(plain))


@pytest.mark.parametrize("how", [MASKED, RECYCLING], ids=["v1", "v2"])
def test_the_teacher_is_the_closed_form_of_an_average_after_three_steps(bags, how, monkeypatch):
    plain = mining.learn(CASE, bags, recipe(1)).model
    snapshots = []
    update = mining.Teaching.update

    def noting(self, network, step, loss):
        snapshots.append({name: value.clone() for name, value in network.state_dict().items()})
        update(self, network, step, loss)

    monkeypatch.setattr(mining.Teaching, "update", noting)
    result = mining.learn(CASE, bags, replace(recipe(1), batch=3), how=how, begins=plain)
    assert len(snapshots) == 3
    begins = dict(plain.network.named_parameters())
    initial = dict(mining.untrained(CASE, bags, ATTENTION, how).network.named_parameters())
    m = how.momentum
    for name, teacher_weight in result.teacher.network.named_parameters():
        expected = m**3 * begins.get(name, initial[name])
        for step, weight in enumerate(snapshots):
            expected = expected + (1 - m) * m ** (2 - step) * weight[name]
        assert torch.allclose(teacher_weight, expected, atol=1e-6), name


def test_a_warm_student_begins_with_the_plain_first_layer_only(bags, monkeypatch):
    plain, begun = mining.learn(CASE, bags, recipe(2)).model, []
    begin = mining.Teaching.begin

    def noting(self, model, masks, start):
        begin(self, model, masks, start)
        begun.extend([weights(model), weights(self.average)])

    monkeypatch.setattr(mining.Teaching, "begin", noting)
    mining.learn(CASE, bags, recipe(1), how=replace(MASKED, warm=True), begins=plain)
    student_first, teacher_first = begun
    initial = weights(mining.untrained(CASE, bags, ATTENTION))
    assert same(teacher_first, weights(plain))
    for name, weight in weights(plain).items():
        first = weight if name.startswith("embed") else initial[name]
        assert torch.equal(student_first[name], first)


def test_no_gradient_reaches_the_queries_and_they_follow_the_tokens(bags):
    model = mining.untrained(CASE, bags, ATTENTION, RECYCLING)
    network = mining.bag_network(model).train().requires_grad_(requires_grad=True)
    tiles, before = bags.features[:3], network.recycling.queries.clone()
    masks = torch.full(tiles.shape[:2], UNMASKED)
    masks[:, :3] = RECYCLED
    result = mining.student(network, tiles, masks, seeded(1), seeded(2))
    kept = torch.rand(*tiles.shape[:2], 64, generator=seeded(1)) >= 0.25
    hidden = F.gelu(network.embed(tiles)) * kept / 0.75
    after = network.recycling.queries.clone()
    with torch.no_grad():
        network.recycling.queries.copy_(before)
        tokens = network.recycling(hidden, masks == RECYCLED, seeded(2))
    assert torch.allclose(after, 0.9999 * before + 0.0001 * tokens.mean(0), atol=1e-7)
    assert not torch.equal(after, before)
    result.logits.sum().backward()
    assert network.recycling.queries.grad is None
    assert "recycling.queries" not in dict(network.named_parameters())
    assert network.recycling.tell.weight.grad.abs().sum() > 0


def test_a_masked_student_sees_the_other_tiles_and_tokens_only(bags):
    network = mining.bag_network(mining.untrained(CASE, bags, ATTENTION, RECYCLING))
    tiles, masks = bags.features[:2], torch.full((2, bags.layout.size), UNMASKED)
    masks[:, 2:5] = RECYCLED
    result = mining.student(network, tiles, masks, None, None)
    assert result.weights[:, 2:5].abs().sum() == 0
    assert (result.weights.sum(1) < 1).all()
    assert (result.weights[:, :2] > 0).all()
    network = mining.bag_network(mining.untrained(CASE, bags, ATTENTION))
    tiles, masks = bags.features[:2], torch.full((2, bags.layout.size), UNMASKED)
    masks[:, [1, 4]] = 1
    result = mining.student(network, tiles, masks, None, None)
    others = [at for at in range(bags.layout.size) if at not in {1, 4}]
    assert torch.allclose(result.logits, network.read(tiles[:, others]).logits, atol=1e-6)


def test_consistency_is_the_soft_cross_entropy_and_pooling_what_it_is_called(bags):
    teacher, student_bag = torch.randn(2, 3, 5, generator=seeded()).unbind()
    share = np.exp(teacher.numpy() / 0.1)
    share /= share.sum(1, keepdims=True)
    logs = student_bag.numpy() - np.log(np.exp(student_bag.numpy()).sum(1, keepdims=True))
    expected = -(share * logs).sum(1)
    assert mining.consistency(teacher, student_bag).numpy() == pytest.approx(expected, rel=1e-4)
    near = partial(torch.testing.assert_close, rtol=1e-5)
    tiles = bags.features[:3]
    for pooling in (MAX, MEAN):
        network = mining.bag_network(mining.untrained(CASE, bags, pooling))
        hidden = F.gelu(network.embed(tiles))
        tile_logits = network.head(hidden)
        expected = tile_logits.amax(1) if pooling == MAX else tile_logits.mean(1)
        near(network.read(tiles).logits, expected, atol=1e-5)
        near(network.read(tiles).embedding, hidden.mean(1), atol=1e-6)
        expected = (hidden @ network.head.weight.T).softmax(-1)
        near(network.class_scores(network.read(tiles)), expected, atol=1e-6)
    network = mining.bag_network(mining.untrained(CASE, bags, ATTENTION))
    result = network.read(tiles)
    parts = result.weights[..., None] * result.hidden
    near(network.head(parts.sum(1)), result.logits, atol=1e-5)
    expected = (parts @ network.head.weight.T + network.head.bias[0]).softmax(-1)
    near(network.class_scores(result), expected, atol=1e-6)


def test_the_picture_of_a_bag_has_every_tile_at_its_place_and_the_same_answer(bags):
    model = mining.untrained(CASE, bags, ATTENTION)
    expected = mining.bag_network(model).read(bags.features[:4]).logits
    assert torch.allclose(model(bags.slides.pixels(slice(4))), expected, atol=1e-4)
    tiles = np.arange(7 * 4, dtype=np.uint8).reshape(7, 1, 2, 2)
    board = laid_out(tiles)
    assert board.shape == (1, 6, 6)
    assert board[0, 2:4, 2:4].tolist() == tiles[4, 0].tolist()
    assert not board[0, 4:, 2:].any()
    values = on_slide(np.arange(7, dtype=np.float32), (2, 2))
    assert values[2, 3] == 4
    assert np.isnan(values[5, 5])
