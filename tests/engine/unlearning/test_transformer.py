"""The ways reach every weight of a transformer, and work on every trainable network."""

import numpy as np
import pytest
import torch

from engine import unlearning
from engine.core.run import answer
from engine.vision import data as data_sets
from engine.vision.models import embedded
from engine.vision.models.rebuild import rebuilt
from engine.vision.models.small import SMALL
from engine.vision.training import Recipe, train
from tests.engine.unlearning.trained import columns_case, scores

KINDS = ("cls_token", "pos_embed", "patch_embed.proj.weight", "attn.qkv.weight", "attn.qkv.bias",
         "attn.proj.weight", "norm1.weight", "norm1.bias", "norm2.weight", "mlp.fc1.weight",
         "mlp.fc2.bias", "norm.weight", "head.weight", "head.bias")  # fmt: skip


@pytest.fixture(scope="module")
def case():
    data, model = data_sets.load("digits"), embedded.load("digits-vit")
    return unlearning.forget_case(model, data, unlearning.request.of_class(data, 3))


def weights(made):
    network = rebuilt(made["model"]).network
    return {name: parameter.numpy() for name, parameter in network.named_parameters()}


def test_every_kind_of_weight_has_an_importance_and_the_bias_of_keys_has_none(case):
    """Softmax does not change when all keys move alike, so that no loss hangs on their bias."""
    result = answer(unlearning.Importance(), case)
    names = dict(case.model.network.named_parameters())
    for part in ("forget", "train"):
        values = result[part].values
        assert set(values) == set(names)
        assert all(np.isfinite(importance).all() for importance in values.values())
        for kind in KINDS:
            matching = [name for name in names if name.endswith(kind)]
            assert matching, kind
            assert all(values[name].max() > 0 for name in matching), kind
        for name in names:
            if name.endswith("qkv.bias"):
                query, key, value = np.split(values[name], 3)
                assert key.max() < 1e-6 * min(query.max(), value.max())


def test_ssd_dampens_them_all_by_the_formula_and_forgets_the_class(case):
    method = unlearning.SSD(ratio=5.0, strength=0.5)  # the paper's threshold for a ViT and a class
    result, weights_after = answer(unlearning.Importance(), case), weights(answer(method, case))
    touched = set()
    for name, before in case.model.network.named_parameters():
        forget, whole = (result[part].values[name] for part in ("forget", "train"))
        chosen = forget > 5 * whole
        factor = np.ones_like(forget)
        factor[chosen] = np.minimum(0.5 * whole[chosen] / forget[chosen], 1)
        np.testing.assert_allclose(weights_after[name], before.detach().numpy() * factor, rtol=1e-5)
        touched |= {kind for kind in KINDS if name.endswith(kind) and chosen.any()}
    assert {"attn.qkv.weight", "norm1.weight", "cls_token", "pos_embed"} <= touched
    before, after = scores(answer(unlearning.NoOp(), case)), scores(answer(unlearning.SSD(), case))
    assert before["UA"] < 0.05
    assert after["UA"] >= 0.99
    assert after["RA"] >= 0.98


def test_salun_s_mask_holds_attention_and_norms_to_the_bit(case):
    result = answer(unlearning.SalUn(share=0.05, epochs=1), case)
    after, density = weights(result), result["mask"]
    moved = 0
    for name, before in case.model.network.named_parameters():
        changed = after[name] != before.detach().numpy()
        assert changed.mean() <= density.cell(name, "density") + 1e-6, name
        moved += changed.sum()
    assert 0 < moved <= round(0.05 * sum(array.size for array in after.values()))
    assert any("attn" in name and density.cell(name, "density") > 0 for name in after)


def trained_case(architecture) -> unlearning.ForgetCase:
    case = columns_case(Recipe(architecture, epochs=1, batch=12, rate=0.01))
    train(case.model, case.data, case.recipe)
    return case


@pytest.mark.parametrize("architecture", SMALL)
def test_every_network_can_forget_and_be_looked_at(architecture):
    case, salun = trained_case(architecture), unlearning.SalUn(epochs=1)
    before = {name: tensor.clone() for name, tensor in case.model.state_dict().items()}
    ways = unlearning.Retrain(), unlearning.SSD(ratio=10.0), unlearning.FisherForgetting(), salun
    further = (unlearning.IUExact(rounds=2, step=1.0), unlearning.PruneFirst(epochs=1, ratio=0.5))
    for method in (*ways, *further, unlearning.SCRUB(epochs=1)):
        assert_sound(answer(method, case))
        assert all(torch.equal(before[k], tensor) for k, tensor in case.model.state_dict().items())
    diagnostics = unlearning.Similarity(images=10), unlearning.Embedding(images=20)
    for diagnostic in (*diagnostics, unlearning.StillThere()):
        for view in answer(diagnostic, unlearning.AfterCase(case, salun)).values():
            assert all(np.isfinite(array).any() for array in view.arrays().values())


def assert_sound(unlearned):
    assert np.isfinite(unlearned["scores"].values[:4]).all()
    assert unlearned["run"]["failed_at"][0] == -1


def test_batch_norms_statistics_follow_the_batches_and_masks_leave_them_out():
    case = trained_case("resnet8")
    weights = answer(unlearning.SalUn(epochs=1, share=0.1), case)["model"].weights
    state = case.model.network.state_dict()
    assert not np.array_equal(weights["bn.running_mean"], state["bn.running_mean"].numpy())
    assert_sound(answer(unlearning.IUExact(rounds=2), case))  # searches for its step
    still = answer(unlearning.SSD(), case)["model"].weights
    np.testing.assert_array_equal(still["bn.running_mean"], state["bn.running_mean"].numpy())
