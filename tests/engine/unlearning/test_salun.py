"""SalUn's mask and steps, derived again slowly."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.run import answer
from engine.unlearning import FineTune, GradientAscent, RandomLabels, Saliency, SalUn, salient
from engine.unlearning.ways import clock
from engine.unlearning.ways.network import in_parts, named_weights, own_copy
from engine.unlearning.ways.unlearner import UnlearningRun
from tests.engine.unlearning.trained import same, weights


def slowly(case, batch):
    """|Σ over batches of the mean of single images' gradients|."""
    rng = np.random.default_rng([case.seed, 22])
    total = {
        name: torch.zeros(parameter.shape) for name, parameter in named_weights(case.model).items()
    }
    model = case.model.requires_grad_(requires_grad=True)
    try:
        for rows in in_parts(case.splits.forget, batch, rng):
            for row in rows:
                model.zero_grad()
                logits = model(case.data.pixels(np.array([row])))
                F.cross_entropy(logits, case.data.targets(np.array([row]))).backward()
                for name, weight in named_weights(model).items():
                    total[name] += weight.grad / len(rows)
    finally:
        model.zero_grad()
        model.requires_grad_(requires_grad=False)
    return {name: gradient.abs().numpy() for name, gradient in total.items()}


def test_masks_are_those_of_a_slow_derivation_from_single_images(case):
    scores = answer(Saliency(batch=32), case)["scores"].values
    slow = slowly(case, 32)
    flat = np.sort(np.concatenate([gradient.ravel() for gradient in slow.values()]))[::-1]
    for share in (0.1, 0.5):
        masks = salient(scores, share)
        kept_count = sum(int(mask.sum()) for mask in masks.values())
        assert kept_count == round(share * len(flat))
        edge = flat[kept_count - 1]
        agree = sum(int((masks[n].numpy() == (slow[n] >= edge)).sum()) for n in masks)
        assert agree / len(flat) >= 0.999
    np.testing.assert_allclose(
        np.concatenate([scores[name].ravel() for name in slow]),
        np.concatenate([slow[name].ravel() for name in slow]),
        atol=1e-5 * flat[0],
    )


def test_a_mask_of_everything_gives_random_labels_bit_for_bit(case):
    assert same(
        answer(SalUn(share=1.0, epochs=2), case), answer(RandomLabels(epochs=2, rate=0.01), case)
    )
    assert not same(answer(SalUn(share=0.5, epochs=2), case), answer(RandomLabels(epochs=2), case))


def test_what_is_masked_stays_to_the_bit(case):
    method = SalUn(share=0.05, epochs=3, rate=0.05)
    result = answer(method, case)
    masks = salient(answer(Saliency(), case)["scores"].values, 0.05)
    for name, parameter in named_weights(case.model).items():
        mask, was = masks[name].numpy(), parameter.detach().numpy()
        assert np.array_equal(weights(result)[name][~mask], was[~mask])
        if mask.sum() > 20:
            assert (weights(result)[name][mask] != was[mask]).any()
    density = result["mask"]
    whole = (density["density"] * density["weights"]).sum() / density["weights"].sum()
    assert whole == pytest.approx(0.05, abs=1e-3)


def test_zeros_of_a_pruned_model_stay_and_the_mask_that_was_chosen_is_not_changed(case):
    model = own_copy(case.model)
    kept = torch.arange(model.network.head.weight.numel()).reshape(10, -1) % 2 == 0
    chosen = torch.ones_like(kept)
    work = UnlearningRun(case, model, frozenset())
    for mask in (kept, chosen):
        work.hold({"head.weight": mask})
    assert torch.equal(work.held["head.weight"][0], kept)
    assert chosen.all()


def test_its_mask_serves_other_steps_too(case):
    full = {"share": 1.0, "epochs": 2}
    assert same(answer(SalUn(steps="fine-tuning", **full), case), answer(FineTune(epochs=2), case))
    assert same(
        answer(SalUn(steps="ascent", rate=0.003, **full), case),
        answer(GradientAscent(epochs=2, rate=0.003, clip=None, stop=False), case),
    )
    assert not answer(SalUn(steps="ascent", **full), case)["seen"]["seen"][
        ~answer(SalUn(steps="ascent", **full), case)["seen"]["forget"].astype(bool)
    ].any()


def test_a_mask_by_chance_is_as_large_and_forgets_less(case):
    """The paper's claim at its smallest: few weights suffice when they are the salient ones."""
    share = {"share": 0.02, "epochs": 6}
    results = {}
    for mask in ("saliency", "chance"):
        result = answer(SalUn(mask=mask, **share), case)
        mask_table = result["mask"]
        assert (mask_table["density"] * mask_table["weights"]).sum() == pytest.approx(
            0.02 * mask_table["weights"].sum(), abs=1.5
        )
        results[mask] = result["scores"].values[0]
    assert results["saliency"] > results["chance"]


def test_equal_scores_are_chosen_in_order_and_all_layers_compete():
    scores = {"a": np.array([[1.0, 5.0], [1.0, 1.0]]), "b": np.array([9.0, 1.0, 0.0])}
    masks = salient(scores, 3 / 7)
    assert masks["a"].tolist() == [[True, True], [False, False]]
    assert masks["b"].tolist() == [True, False, False]


def test_what_was_shown_before_its_steps_is_not_taken_off_their_time(case, monkeypatch):
    passed = [0.0]
    monkeypatch.setattr(clock, "perf_counter", lambda: passed[0])

    def watch(step, model):
        passed[0] += 10

    run = SalUn(mask="chance", epochs=1)(case, watch=watch)["run"]
    assert run["seconds"][0] == 0


def test_labels_may_be_kept_from_being_right(case):
    assert not same(answer(SalUn(never=True, epochs=1), case), answer(SalUn(epochs=1), case))
