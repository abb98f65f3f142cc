"""Questions in pairs that only the image tells apart, and the states at their last word."""

from collections import Counter
from functools import partial

import numpy as np
import pytest
import torch

from engine.evaluation.experiment import ExperimentCase
from engine.hallucination.ssr_audit import scene_questions as module
from engine.hallucination.ssr_audit.directions import add_direction, removed
from engine.hallucination.ssr_audit.examined import ADDED, REMOVED, most_changed
from engine.hallucination.vlm_audit.audit_pairs import SCENES
from engine.hallucination.vlm_audit.phrases import answers
from engine.vision import data as data_sets
from engine.vision.data.sprites import CATEGORIES, COLORS
from engine.vision.language.tiny_vlm.weights import HONEST, load
from engine.vision.language.vlm import RequestedOutputs


@pytest.fixture(scope="module")
def case():
    return ExperimentCase(data_sets.load(SCENES))


@pytest.fixture(scope="module")
def questions(case):
    return module.scene_questions(load(HONEST), case, "test", 30)


def test_pairs_have_one_image_and_differ_in_whether_the_thing_is_there(case, questions):
    assert questions.declined.tolist() == [True, False] * (len(questions.prompts) // 2)
    assert torch.equal(questions.levels[::2], questions.levels[1::2])
    spoken = answers(load(HONEST), questions.pixels, questions.prompts)
    assert {words[0] for words in spoken[::2]} == {"unknown"}
    assert all(module.is_color(words) for words in spoken[1::2])
    counts = [Counter(text.split()[-1] for text in questions.prompts[at::2]) for at in (0, 1)]
    assert (counts[0] & counts[1]).total() > 0.7 * counts[0].total()
    rows = case.data.some("test", 30, 0)
    scenes = {case.data.pixels(rows)[at].numpy().tobytes(): row for at, row in enumerate(rows)}
    for at, prompt in enumerate(questions.prompts):
        row = scenes[questions.pixels[at].numpy().tobytes()]
        color = case.data.truth["color"][row, CATEGORIES.index(prompt.split()[-1])]
        assert (color < 0) == bool(questions.declined[at])
        assert spoken[at] == (["unknown"] if color < 0 else [COLORS[color]])


def test_things_are_matched_to_scenes_without_them_and_a_color_is_one_word():
    random = np.random.default_rng(0)
    present = random.random((40, 16)) < 0.2
    present_categories = [int(np.flatnonzero(row)[0]) if row.any() else -1 for row in present]
    result = module.matched(present_categories, present, random)
    assert all(noun < 0 or not row[noun] for noun, row in zip(result, present, strict=True))
    every = [category for category in result if category >= 0]
    assert len(every) > 30
    assert all(every.count(category) <= present_categories.count(category) for category in every)
    assert module.matched([3, 5], np.ones((2, 16), np.bool_), random) == [-1, -1]
    assert module.is_color(["red"])
    assert not module.is_color(["unknown"])
    assert not module.is_color(["red", "red"])
    assert not module.is_color([])


def test_states_are_those_of_the_model_and_edits_change_their_layer_alone(questions):
    vlm, few = load(HONEST), questions.take(torch.arange(4))
    want = RequestedOutputs(hidden=(0, 1, 2, 3))
    out, _ = vlm.prefill(vlm.encode_image(vlm.normalize(few.pixels)), few.tokens, want)
    states = module.streams(vlm, few.pixels, few.tokens)
    short = module.streams(vlm, few.pixels, few.tokens, 2)
    for at in range(4):
        torch.testing.assert_close(states[at], out.hidden[at][:, -1], atol=1e-4, rtol=1e-4)
    assert torch.equal(short, states[:3])
    declined = vlm.unembed(states[-1]).argmax(1) == vlm.tokenizer.encode("unknown")[0]
    assert torch.equal(module.refused(vlm, few.pixels, few.tokens), declined)
    direction = torch.zeros(128)
    direction[5] = 1.0
    plain, without, more = (
        module.streams(vlm, few.pixels, few.tokens, edit=edit)
        for edit in (None, removed(direction, 2), add_direction(direction, 2, 3.0))
    )
    assert torch.equal(plain[:2], without[:2])
    assert without[2, :, 5].abs().max() < 1e-5
    torch.testing.assert_close(more[2] - plain[2], 3 * direction.expand(4, -1), atol=1e-5, rtol=0)
    assert not torch.allclose(plain[3], more[3])


def test_probes_learn_from_other_scenes_and_edits_are_counted_on_the_tests(case):
    vlm = load(HONEST)
    known = module.examined_vlm(vlm, case)
    assert module.examined_vlm(vlm, case) is known
    learned = module.scene_questions(vlm, case, "train", module.LEARNED)
    images = [
        {level.numpy().tobytes() for level in part.levels}
        for part in (learned, known.tests, known.moved)
    ]
    assert len(set.union(*images)) == sum(map(len, images))
    assert known.accuracies[-1] > 0.9
    assert 0.4 < known.shuffled < 0.6
    assert module.declines(vlm, known.far) == 1
    assert module.declines(vlm, known.near) == 0
    for at in (1, 3):
        direction, gap = known.spaces.directions[at], float(known.spaces.gaps[at])
        left = module.declines(vlm, known.far, removed(direction, at))
        assert known.edits[REMOVED][at - 1] == pytest.approx(left)
        more = module.declines(vlm, known.near, add_direction(direction, at, gap))
        assert known.edits[ADDED][at - 1] == pytest.approx(more)
    assert known.best == most_changed(known.spaces, learned, partial(module.declines, vlm))
