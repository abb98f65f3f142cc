"""Models from elsewhere: the same figures as Forget's own, and what does not fit is a sentence."""

import math
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save

from engine.core.errors import BadModel, BlindspotError, DoesNotFit
from engine.core.keeping.store import write_atomic
from engine.core.run import answer
from engine.evaluation.forgetting.attack import matched
from engine.unlearning import (
    DIAGNOSTICS,
    AfterCase,
    ForgetCase,
    Frontier,
    GivenCase,
    Judged,
    KLoM,
    MembershipAttack,
    RandomLabels,
    Relearn,
    Retrain,
    Steps,
    StillThere,
    forget_case,
    request,
)
from engine.unlearning.given import attack_images
from engine.unlearning.protocol.metrics import evaluate_model
from engine.vision import data as data_sets
from engine.vision.data import DataCard, DataSet
from engine.vision.models import checkpoints, weights_file
from engine.vision.models.card import card_of, weights_of
from engine.vision.models.own_file import open_alike, open_model
from engine.vision.models.rebuild import model_bytes, rebuilt
from engine.vision.training import Recipe
from tests.engine.unlearning.trained import class_case, saved
from tests.refusals import assert_refused

METHOD = RandomLabels(epochs=3)
DOCS = Path(__file__).parents[3] / "docs" / "unlearning.md"


@pytest.fixture(scope="module")
def model_views(case):
    return answer(METHOD, case)["model"], answer(Retrain(), case)["model"]


@pytest.fixture(scope="module")
def given_case(case, model_views):
    return GivenCase(case, *(rebuilt(view, "file:x") for view in model_views))


@pytest.mark.parametrize(
    "kind",
    [diagnostic for diagnostic in DIAGNOSTICS if diagnostic not in {Frontier, KLoM, Steps}],
    ids=lambda method: method.name,
)
def test_given_models_have_the_very_figures_that_forget_has(case, given_case, kind):
    """To the bit, since the same weights are asked the same questions."""
    theirs, ours = answer(kind(), given_case), answer(kind(), AfterCase(case, METHOD))
    assert theirs.record["digest"] != ours.record["digest"]
    for name, view in ours.items():
        for part, array in view.arrays().items():
            np.testing.assert_array_equal(theirs[name].arrays()[part], array, err_msg=part)


def test_files_give_the_models_again(case, given_case, model_views):
    """With their card, and as weights alone that are read into the original's network."""
    exported = (checkpoints.export(checkpoints.keep(view).name) for view in model_views)
    unlearned_file, retrained_file = ((file, "one.safetensors") for file in exported)
    unlearned = open_model(*unlearned_file)
    assert unlearned.fingerprint == given_case.unlearned.fingerprint
    assert re.fullmatch(r"file:[0-9a-f]{6}", unlearned.name)
    assert "unlearned" not in unlearned.title  # it tells nothing of the file
    content = saved(given_case.given["original"].network.state_dict())
    original = open_alike(content, "original.pt", unlearned)
    assert original.fingerprint == case.model.fingerprint
    retrained = open_alike(*retrained_file, original)
    opened = GivenCase(replace(case, model=original), unlearned, retrained)
    result = answer(Judged(), opened)["figures"]
    np.testing.assert_array_equal(result.values, answer(Judged(), given_case)["figures"].values)


def test_swapped_files_are_another_verdict(case, given_case):
    right = answer(Judged(), given_case)["figures"]
    swapped = GivenCase(replace(case, model=given_case.unlearned), case.model, given_case.retrained)
    wrong = answer(Judged(), swapped)["figures"]
    assert wrong.cell("unlearned", "UA") == right.cell("original", "UA")
    assert wrong.cell("original", "gap") == right.cell("unlearned", "gap")
    assert wrong.cell("unlearned", "gap") > right.cell("unlearned", "gap") + 0.1


def test_without_a_retrained_model_there_are_figures_but_no_gap(case, given_case):
    two = GivenCase(case, given_case.unlearned)
    result, whole = (answer(Judged(), case)["figures"] for case in (two, given_case))
    assert result.rows == ("original", "unlearned")
    for row in result.rows:
        for name in ("UA", "RA", "TA", "MIA", "ZRF"):
            assert result.cell(row, name) == whole.cell(row, name)
        assert math.isnan(result.cell(row, "gap"))
        assert math.isnan(result.cell(row, "KL test"))
    relearned = answer(Relearn(), two)
    goal = pytest.approx(1.05 * relearned["losses"]["original"][0])
    assert relearned["needed"].cell("original", "goal") == goal
    assert "retrained" not in answer(StillThere(), two)["figures"].rows
    attack = MembershipAttack(model="retrained")
    assert_refused("no retrained model to attack", answer, attack, two)


def test_the_attack_is_fitted_to_as_many_images_as_is_said(case):
    judgment = evaluate_model(case.model, case)
    members, non_members = matched(judgment.retain, judgment.test, judgment.seed)
    assert attack_images(case) == len(members) + len(non_members)


def test_models_and_data_that_do_not_fit_and_what_needs_the_way_there_are_a_sentence(
    case, given_case
):
    other, ours = class_case(recipe=Recipe("mlp", epochs=1)).model, given_case.unlearned
    turned = ours.twin()
    turned.labels = tuple(reversed(turned.labels))
    for error, models, words in (
        (BadModel, [other], "The unlearned model does not fit the original: .* missing"),
        (BadModel, [ours, other], "The retrained model does not fit the original"),
        (BlindspotError, [turned], "class 0 is “9” in the model and “0” in the data"),
    ):
        assert_refused(words, GivenCase, case, *models, error=error)
    few = replace(case.data.take(case.data.labels < 7), classes=case.data.classes[:7])
    for data, words in (
        (data_sets.load("mnist-5k"), "28 × 28 pixels, but .* takes 8 × 8"),
        (few, "has 7 classes, but .* tells 10 apart"),
    ):
        assert_refused(words, ForgetCase, ours, data, request.of_class(data, 3), case.recipe)
    words = "not known here how the opened model was made"
    for kind in (Frontier, Steps):
        assert_refused(words, answer, kind(), given_case, error=DoesNotFit)


def test_a_network_that_cannot_be_trained_here_is_judged_too(tmp_path):
    """A timm architecture: there is no untrained one to compare with, and no more is missing."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (24, 3, 224, 224), np.uint8)
    split = np.array([0] * 16 + [2] * 8, np.uint8)
    labels, ids = np.arange(24) % 2, np.arange(24)
    data = DataSet("own", DataCard("Own", "", "", ""), ("a", "b"), images, labels, ids, split)
    files = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        network = timm.create_model("test_vit", pretrained=False, num_classes=2)
        files.append((saved(network.state_dict()), f"{seed}.pt"))
    words = "holds weights alone: say for which architecture"
    assert_refused(words, open_model, *files[0], error=BadModel)
    original = open_model(*files[0], "test_vit")
    data = replace(data, images=images[:, :, : original.side, : original.side])
    base_case = forget_case(original, data, request.of_ids(data, [0, 3, 4, 7]))
    case = GivenCase(base_case, open_alike(*files[1], original))
    result = answer(Judged(), case)["figures"]
    assert np.isfinite(result["UA"]).all()
    assert np.isnan(result["ZRF"]).all()
    assert answer(StillThere(neighbors=2), case)["figures"].rows == ("original", "unlearned")


@pytest.mark.parametrize("kind", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_numbers_that_torch_cannot_compare_are_a_sentence(case, given_case, kind):
    state = {
        name: tensor.to(kind) if tensor.is_floating_point() else tensor
        for name, tensor in given_case.unlearned.network.state_dict().items()
    }
    words = r"is torch\.float8_.*: save it as torch\.float32\."
    assert_refused(words, open_alike, save(state), "own.safetensors", case.model, error=BadModel)


def test_a_file_that_is_too_large_or_holds_code_is_a_sentence(given_case, monkeypatch):
    like = given_case.unlearned
    content = saved(like.network)  # a whole network is a pickle
    assert_refused("holds more than weights", open_alike, content, "own.pt", like, error=BadModel)
    monkeypatch.setattr(weights_file, "LARGEST", 1000)
    for read in (open_model, partial(open_alike, model=like)):
        assert_refused("own.pt is larger than", read, content, "own.pt", error=BadModel)


def test_the_lines_of_the_docs_judge_files(model_views, case, tmp_path, monkeypatch, capsys):
    (code,) = re.findall(r"```python\n(.*?GivenCase.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    model = case.model
    card = card_of(model, title="Mine", data="digits", made_by="lab.Train")
    write_atomic(tmp_path / "original.safetensors", model_bytes(card, weights_of(model)))
    for name, view in zip(("unlearned", "retrained"), model_views, strict=True):
        exported = checkpoints.export(checkpoints.keep(view).name)
        write_atomic(tmp_path / f"{name}.safetensors", exported)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, str(DOCS), "exec"), {})  # noqa: S102 - the page's own lines
    result = answer(Judged(), AfterCase(case, METHOD))["figures"]
    assert capsys.readouterr().out.strip() == result.csv().strip()
