"""A pair of photographs is asked as a pair of scenes is, and a mask is painted over before."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.core import run
from engine.core.errors import BlindspotError
from engine.core.keeping.store import Store
from engine.core.result import Table
from engine.evaluation.language.beaf import photo_counts
from engine.evaluation.language.beaf.figures import beaf_figures
from engine.evaluation.language.beaf.photo_pair import (
    change_of,
    noun_question,
    photo_pair,
    taken_out,
    with_case_names,
)
from engine.evaluation.language.scenes import SceneBatch, margins
from engine.hallucination import PhotoPair, PhotoPairCase, asking
from engine.vision.data.sprites import CATEGORIES
from engine.vision.images.samples import sample
from engine.vision.language.tiny_vlm.weights import HABIT, HONEST, load
from engine.vision.models.extras import TRANSFORMERS
from tests.engine.hallucination.tiny import one_pass

SCENE = 253  # with a car that is clearly to be seen
ROW_CATEGORIES = ("car", "lamp", "boat")


@pytest.fixture(scope="module")
def scene():
    return asking.scene("counter", SCENE)


def pair_case(scene, name=HABIT, **given):
    before = asking.pixels(scene)
    if not given:
        given = {"after": asking.pixels(scene.remove("car"))}
    return PhotoPairCase.of(load(name), before, "car", ("lamp", "boat"), **given)


def masked(scene, name=HABIT):
    return pair_case(scene, name, mask=torch.from_numpy(scene.mask("car")))


@pytest.fixture(scope="module")
def result(scene):
    return PhotoPair()(pair_case(scene))


def test_the_answers_are_what_the_model_says(scene, result):
    """By the way in which the model answers all sixteen questions about a scene at once."""
    answers = result["answers"]
    assert with_case_names(pair_case(scene), answers).rows == ROW_CATEGORIES
    for when, variant in (("before", scene), ("after", scene.remove("car"))):
        batch = SceneBatch(variant.layout, asking.pixels(variant)[None])
        chances = torch.sigmoid(margins(load(HABIT), batch))[0]
        for row, category in enumerate(ROW_CATEGORIES):
            p = float(chances[CATEGORIES.index(category)])
            assert answers[f"p {when}"][row] == pytest.approx(p, abs=1e-3)
            assert answers[f"says {when}"][row] == (p > 0.5)
            assert 0.5 < answers[f"decided {when}"][row] <= 1
    faded, answers = result["fading"], result["answers"]
    assert faded["left"].tolist() == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert faded["p(yes)"][[-1, 0]].tolist() == [answers["p before"][0], answers["p after"][0]]
    case, gone = pair_case(scene), asking.pixels(scene.remove("car"))
    assert torch.equal(taken_out(case, 1), gone)
    changed = np.abs(case.image.numpy() - gone.numpy()).mean(0)
    assert np.allclose(change_of(case, gone), changed, atol=1e-6)
    assert result["changed"]["pixels"][0] == pytest.approx((changed > 0).mean())
    assert result["changed"]["by"][0] == pytest.approx(changed[changed > 0].mean(), rel=1e-4)


def test_a_mask_is_painted_over_and_the_model_no_longer_sees_the_thing(scene):
    """The background of a scene is smooth, so that the filling is close to the exact removal."""
    case = masked(scene, HONEST)
    result = PhotoPair()(case)
    answers = result["answers"]
    assert photo_counts.outcome([answers["says before"][0], answers["says after"][0]]) == "TU"
    outside = ~scene.mask("car")
    changed = change_of(case, taken_out(case, PhotoPair().grow)) > 0
    assert not change_of(case, taken_out(case, 0))[outside].any()
    assert result["changed"]["pixels"][0] == pytest.approx(changed.mean())
    assert changed[outside].any()  # one px more by default
    exact = scene.remove("car").image.transpose(1, 2, 0) / 255
    filled = taken_out(case, PhotoPair().grow).numpy().transpose(1, 2, 0)
    was = scene.image.transpose(1, 2, 0) / 255
    inside = scene.mask("car")
    assert np.abs(filled - exact)[inside].mean() < 0.5 * np.abs(was - exact)[inside].mean()


def test_nothing_of_a_visitor_s_is_kept(scene, tmp_path, monkeypatch):
    """One asks; the files of the store hold neither pixels nor a word that was typed."""
    store = Store(tmp_path / "answers")
    monkeypatch.setenv("BLINDSPOT_HOME", str(tmp_path))
    monkeypatch.setattr(run, "store", lambda: store)
    image = asking.pixels(scene)
    for arguments in ({"mask": torch.from_numpy(scene.mask("car"))}, {"after": 0.9 * image}):
        case = PhotoPairCase.of(load(HABIT), image, "flower", ("anchor", "wheel"), **arguments)
        assert run.answer(PhotoPair(steps=3), case).record["case"] == case.facts()
        assert {"thing", "others", "prompt"} <= set(case.facts())
        again = run.kept_answer(PhotoPair(steps=3), case)
        assert with_case_names(case, again["answers"]).rows == ("flower", "anchor", "wheel")
        arrays = [column for view in again.values() for column in view.columns.values()]
        assert sum(map(len, arrays)) < 50  # numbers, of 12 288 in an image
        assert again["answers"].rows == ("thing", "other 1", "other 2")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len([file for file in files if file.suffix == ".safetensors"]) == 2
    content = b"".join(file.read_bytes() for file in files)
    assert b"taken out by" in content  # what is no visitor's stays readable
    for word in (b"flower", b"anchor", b"wheel"):
        assert word not in content
    assert len(content) < image.numel()


def test_what_does_not_fit_is_refused_in_words(scene, monkeypatch):
    case = masked(scene)
    nothing = torch.zeros(64, 64, dtype=torch.bool)
    for changed, why in (
        ({"mask": nothing}, "mask is empty"),
        ({"mask": ~nothing}, "covers 100 %"),
        ({"mask": torch.ones(8, 8, dtype=torch.bool).triu()}, "The mask is"),
        ({"mask": None}, "either a mask"),
        ({"after": case.image}, "either a mask"),
        ({"mask": None, "after": case.image[:, :8]}, "image after is"),
        ({"others": ("car",)}, "cannot be one of those that stay"),
        ({"others": CATEGORIES[:9]}, "9 other things are too many"),
        ({"others": ("dragon",)}, "does not know “dragon”"),
    ):
        with pytest.raises(BlindspotError, match=why):
            replace(case, **changed)
    for category, why in (
        ("dragon", "does not know “dragon”"),
        (" ", "Name each thing"),
        ("x" * 41, "40 letters at most"),
        ("<b>", "Name each thing"),
    ):
        with pytest.raises(BlindspotError, match=why):
            PhotoPairCase.of(case.vlm, case.image, category, mask=case.mask)
    vlm = load(HABIT)
    monkeypatch.setattr(vlm, "spec", replace(vlm.spec, yes=()))
    with pytest.raises(BlindspotError, match="no single word for yes"):
        masked(scene)


def test_every_part_of_a_case_changes_its_name_and_a_rectangle_is_its_mask(scene):
    case = masked(scene)
    others = (
        replace(case, others=("lamp",)),
        replace(case, mask=case.mask.flip(-1)),
        pair_case(scene),
        PhotoPairCase.of(case.vlm, case.image, "tree", case.others, mask=case.mask),
        masked(scene, HONEST),
        replace(case, image=case.image.flip(-1)),
    )
    assert len({case.fingerprint, *(variant.fingerprint for variant in others)}) == 7
    assert case.facts()["thing"] == "car"
    picture = sample("coffee")
    height, width = picture.pixels.shape[:2]
    mask = np.zeros((height, width), np.bool_)
    mask[height // 4 : height // 2, 100 + height // 4 : 100 + height // 2] = True  # 600 × 400
    sides = {"top": 0.25, "left": 0.25, "bottom": 0.5, "right": 0.5}
    by_mask = photo_pair(HABIT, picture, "cup", mask=mask)
    assert by_mask.fingerprint == photo_pair(HABIT, picture, "cup", sides=sides).fingerprint


@pytest.mark.skipif(not TRANSFORMERS.installed, reason="transformers is not installed")
def test_a_model_of_ones_own_is_asked_in_its_own_words():
    tiny_hf = pytest.importorskip("tests.engine.hallucination.tiny_hf")
    vlm = tiny_hf.model("llava")
    image, after = tiny_hf.pixels(2, vlm.spec.side)
    case = PhotoPairCase.of(vlm, image, "orange", ("boat",), after=after)
    assert case.prompt == "Is there an orange in this image? Answer yes or no."
    answers = PhotoPair()(case)["answers"]
    prompt = torch.tensor([vlm.tokenizer.encode(noun_question(vlm, "boat"))])
    shares = one_pass(vlm, after[None], prompt).logits[0].softmax(-1)
    yes, no = (float(shares[list(ids)].sum()) for ids in (vlm.spec.yes, vlm.spec.no))
    assert answers["p after"][1] == pytest.approx(yes / (yes + no), abs=1e-4)
    assert answers["decided after"][1] == pytest.approx(yes + no, abs=1e-4)


def test_pairs_are_counted_as_beaf_counts_them():
    """Four made-up pairs, one of each outcome; one of four other answers changes."""
    says = [(1, 0), (0, 1), (1, 1), (0, 0)]
    pairs = [
        Table.of(
            {"says before": ([was, 1], ""), "says after": ([now, at != 2], "")}
            | dict.fromkeys(("p before", "p after"), ([0.5, 0.5], "")),
            ("dog", "cat"),
        )
        for at, (was, now) in enumerate(says)
    ]
    figure = beaf_figures(photo_counts.records_of(pairs))
    assert [figure[name][0] for name in ("TU", "IG", "SB+", "SB−", "ID")] == [0.25] * 5
    assert [photo_counts.outcome(say) for say in says] == ["TU", "IG", "SB+", "SB−"]
    assert photo_counts.collected_words(pairs) == "TU 25 %, IG 25 %, SB+ 25 %, SB− 25 %, ID 25 %"
    assert photo_counts.outcome((1, np.nan)) == ""
    assert photo_counts.collected_words(pairs[:1]).count("100 %") == 1
    assert [photo_counts.said_word(answer) for answer in (1, 0, np.nan)] == ["yes", "no", "neither"]
