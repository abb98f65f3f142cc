"""BadT: who teaches what, that labels play no part, and what it takes to be merely fine-tuned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.models.rebuild import rebuilt
from engine.run import answer
from engine.training import outputs
from engine.unlearning import BadT, NoOp
from engine.unlearning.ways.bad_teacher import ignorant, misled
from engine.unlearning.ways.network import own_copy, untrained
from engine.unlearning.ways.unlearner import UnlearningRun

BOTH = frozenset({"retain", "forget"})


@pytest.fixture(scope="module")
def unlearned(case):
    return answer(BadT(), case)


def share(made, name):
    return dict(zip(made["scores"].labels, made["scores"].values, strict=True))[name]


def test_its_loss_is_that_of_the_published_formula_image_by_image(case, unlearned):
    """And its steps bring the student nearer to each teacher on that teacher's images."""
    work = UnlearningRun(case, own_copy(case.model), BOTH)
    novice = ignorant(work)
    with torch.no_grad():  # another student than the original, whose loss on what stays is 0
        work.model.network.head.bias[:3] += torch.tensor([1.0, -2.0, 0.5])
    rows = np.concatenate([case.splits.retain[:5], case.splits.forget[:7], case.splits.retain[5:9]])
    expected = []
    for row in rows:
        pixels = case.data.pixels(np.array([row]))
        teacher = novice if case.data.labels[row] == 3 else case.model
        t, s = teacher.logits(pixels)[0].softmax(0), work.model(pixels)[0].detach().softmax(0)
        expected.append((t * (t / s).log()).sum().item())
    assert misled(work, novice, rows).item() == pytest.approx(np.mean(expected), rel=1e-4)

    def apart(model, teacher, some):
        t, s = (outputs(network, case.data, some).log_softmax(1) for network in (teacher, model))
        return (t.exp() * (t - s)).sum(1).mean().item()

    student = rebuilt(unlearned["model"])
    gone, stays = case.splits.forget, case.splits.retain
    assert apart(student, novice, gone) < 0.3 * apart(case.model, novice, gone)
    assert apart(student, case.model, stays) < 0.3 * apart(student, case.model, gone)


def test_labels_play_no_part(case, unlearned):
    """What is forgotten and what stays is all that it is told."""
    data = case.data
    other = replace(data, labels=(data.labels + 1) % 10)
    ids = data.ids[case.splits.forget]
    again = replace(case, data=other, request=replace(case.request, kind="picked", ids=ids))
    state, other_state = (
        rebuilt(result["model"]).state_dict() for result in (unlearned, answer(BadT(), again))
    )
    assert all(torch.equal(state[name], other_state[name]) for name in state)


def test_it_forgets_a_class_and_sees_the_share_of_what_stays_that_it_was_given(case, unlearned):
    before = answer(NoOp(), case)
    assert share(before, "UA") < 0.05
    assert share(unlearned, "UA") > 0.6
    assert share(unlearned, "RA") > share(before, "RA") - 0.05
    exposure = unlearned["seen"]
    stays = exposure["forget"] == 0
    assert (exposure["seen"][~stays] == 10).all()
    assert sorted(set(exposure["seen"][stays].tolist())) == [0, 10]
    assert (exposure["seen"][stays] > 0).sum() == round(0.3 * stays.sum())


def test_as_published_it_takes_two_steps_here_and_forgets_nothing(case):
    result = BadT(epochs=1, rate=1e-4, batch=256)(case)
    assert result["run"]["steps"].tolist() == [2]
    assert abs(share(result, "UA") - share(answer(NoOp(), case), "UA")) < 0.02


def test_the_bad_teacher_is_neither_the_retrained_nor_the_untrained_model_of_the_scoreboard(case):
    """Its answers would otherwise be the yardstick of ZRF: 1 by construction."""
    bad_teacher = ignorant(UnlearningRun(case, own_copy(case.model), BOTH))
    again = ignorant(UnlearningRun(case, own_copy(case.model), BOTH))
    assert bad_teacher.fingerprint == again.fingerprint
    others = {untrained(case.model, seed).fingerprint for seed in (case.seed, case.seed + 1)}
    assert bad_teacher.fingerprint not in others
    assert not bad_teacher.training
