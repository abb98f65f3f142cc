"""The audit of a refusal as an experiment: its figures, by hand."""

import numpy as np
import pytest
import torch

from engine.core.run import answer
from engine.evaluation.experiment import ExperimentCase
from engine.hallucination.ssr_audit import defenses
from engine.hallucination.ssr_audit.audited import SCENES, audit_questions, audited
from engine.hallucination.ssr_audit.directions import random_direction
from engine.hallucination.ssr_audit.examined import AT_END, AT_WORD, CAUSES, PROBES, SHUFFLED
from engine.hallucination.ssr_audit.inside_claims import ACCURACY, CHANGE
from engine.hallucination.ssr_audit.losses import LOGIT, PROBE, STEER, Goal
from engine.hallucination.ssr_audit.network import LAYERS, WIDTH
from engine.hallucination.ssr_audit.questions import DECLINE, LONGEST, EncodedQuestions, batch
from engine.hallucination.ssr_audit.refusal import RefusalAudit
from engine.hallucination.ssr_audit.refusal_claims import (
    BLIND,
    CLAIMS,
    FIRST,
    FLIPS,
    ONWARD,
    OUTPUT,
    PASSES,
    PROBED,
    RIGHT,
    SEARCHES,
    TRIED,
    TUNED,
    UNSEEN,
)
from engine.hallucination.ssr_audit.refusal_views import ANSWERED, DECLINED, WAY, mirrored
from engine.hallucination.ssr_audit.rerouting import ReroutingRules, reroute
from engine.vision import data as data_sets

SMALL = RefusalAudit(seeds=1, asked=4, rounds=2, width=8)


@pytest.fixture(scope="module")
def case():
    return ExperimentCase(data_sets.load(SCENES))


@pytest.fixture(scope="module")
def result(case):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(defenses, "REROUTED", 4)
        patch.setattr(defenses, "STEPS", 2)
        patch.setattr(RefusalAudit, "free_steps", 3)
        return answer(SMALL, case)


def edited(audit, prompts, layer, change):
    """How many decline when the state of the last word is changed after a layer."""
    declined = 0
    for row in range(len(prompts)):
        hidden = audit.net.embed(prompts.ids[row : row + 1, : int(prompts.last[row]) + 1])
        for at, block in enumerate(audit.net.stack, 1):
            hidden = block(hidden)
            if at == layer:
                hidden = hidden.clone()
                hidden[0, -1] = change(hidden[0, -1])
        declined += int(audit.net.logits(hidden[0, -1]).argmax()) == DECLINE
    return declined / len(prompts)


def test_figures_are_those_of_edits_and_searches_by_hand(case, result):
    audit, table = audited(case), result["table"]
    direction, layer = audit.spaces.directions[audit.best], audit.best
    size, others = float(audit.spaces.gaps[layer]), [random_direction(at, WIDTH) for at in range(5)]
    expected = (
        1 - edited(audit, audit.far, layer, lambda r: r - (r @ direction) * direction),
        1
        - np.mean(
            [edited(audit, audit.far, layer, lambda r, v=v: r - (r @ v) * v) for v in others]
        ),
        edited(audit, audit.near, layer, lambda r: r + size * direction),
        np.mean([edited(audit, audit.near, layer, lambda r, v=v: r + size * v) for v in others]),
    )
    for name, value in zip(CAUSES, expected, strict=True):
        assert table.cell(name, CHANGE) == pytest.approx(value, abs=0.006), name
    encoded = EncodedQuestions.of([q for q in audit_questions(case, 4, 6, part=1) if q.declined])
    for name, kind, layers in (
        (FIRST, STEER, (audit.middle,)),
        (PROBED, PROBE, (audit.middle,)),
        (OUTPUT, LOGIT, ()),
    ):
        goal = Goal(kind, layers, 1.0, audit.spaces)
        moved = reroute(audit.net, encoded, goal, ReroutingRules(2, 8), 6, 0)
        assert table.cell(name, FLIPS) == moved.flipped.float().mean().item()
        assert table.cell(name, TRIED) == moved.tried.mean().item()
        assert table.cell(name, PASSES) == pytest.approx(moved.passes.mean().item())
        right = (moved.said == encoded.fact)[moved.flipped].float().mean().item()
        assert table.cell(name, RIGHT) == pytest.approx(right, nan_ok=True)
    assert table.cell(AT_WORD, ACCURACY) == audit.accuracies[0]
    assert table.cell(AT_END, ACCURACY) == audit.accuracies[-1]
    assert 0.3 < table.cell(SHUFFLED, ACCURACY) < 0.7


def test_conditions_views_and_the_sentence_have_their_figures(result, case):
    table = result["table"]
    assert list(table.rows) == [*SEARCHES, *CAUSES, *PROBES]
    for name in table.rows:
        assert np.isfinite(table.cell(name, FLIPS)) == (name in SEARCHES)
        assert np.isfinite(table.cell(name, CHANGE)) == (name in CAUSES)
        assert np.isfinite(table.cell(name, ACCURACY)) == (name in PROBES)
        assert np.isfinite(table.cell(name, UNSEEN)) == (table.cell(name, FLIPS) > 0)
    audit = audited(case)
    layers = result["decline layers"]
    assert layers["probe right"].tolist() == pytest.approx(audit.accuracies)
    expected = 1 - result["table"].cell(CAUSES[0], CHANGE)
    assert layers[CAUSES[0]][audit.best] == pytest.approx(expected)
    along = audit.states[-1] @ audit.spaces.directions[-1]
    gap = along[audit.tests.declined].mean() - along[~audit.tests.declined].mean()
    assert result["decline parts"].values.sum() == pytest.approx(float(gap), rel=1e-3)
    way = result["decline way"]
    assert set(way.rows) == {DECLINED, ANSWERED, WAY}
    names = np.array(way.rows)
    assert way["along"][names == DECLINED].mean() > 0 > way["along"][names == ANSWERED].mean()
    free = result["decline free"]
    assert free["ρ"][0] == 0.0
    assert free[FIRST][0] == 0.0
    assert (free[f"{FIRST}: right fact"] <= free[FIRST]).all()
    words = SMALL.finding(case, result)
    gone = 100 * result["table"].cell(CAUSES[0], CHANGE)
    assert f"after layer {audit.best} ends {gone:.0f} %" in words
    assert f"can be read from layer {audit.middle} of {LAYERS} on" in words
    assert audit.best != audit.middle  # where it can be read is not where the direction decides
    assert f"random words {100 * result['table'].cell(BLIND, FLIPS):.0f} %" in words
    assert "simulation" in words


def test_the_picture_has_declined_questions_above_and_answered_ones_below():
    image = mirrored(np.full(10, 2.0), np.full(10, -2.0))
    half = image.shape[0] // 2
    colored = (image != image[0, 0]).any(2)
    right = image.shape[1] // 2 + 2
    assert colored[: half - 1, right:].any()
    assert not colored[half + 1 :, right:].any()
    assert colored[half + 1 :, : right - 4].any()


def test_a_fine_tuned_network_is_another_one_and_the_first_stays(case):
    audit = audited(case)
    before, notes = {key: value.clone() for key, value in audit.net.state_dict().items()}, []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(defenses, "REROUTED", 4)
        patch.setattr(defenses, "STEPS", 2)
        net = defenses.tuned(audit, case)
        again = defenses.tuned(audit, case)
        patch.setattr(defenses, "STEPS", 100)
        patch.setattr(defenses, "batch", lambda *given: notes.append(given[2]) or batch(*given))
        patch.setattr(defenses, "descended", lambda _, batches, *__: list(batches))
        defenses.tuned(audit, case)
    after = audit.net.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert not torch.equal(net.head.weight, audit.net.head.weight)
    assert torch.equal(net.head.weight, again.head.weight)
    assert set(notes) == set(range(LONGEST + 1))


def margins(**changed):
    """The claims' margins where everything holds, but for what is changed."""
    figures = {
        (CAUSES[0], CHANGE): 0.9, (CAUSES[1], CHANGE): 0.0, (CAUSES[2], CHANGE): 0.9,
        (CAUSES[3], CHANGE): 0.0, (AT_WORD, ACCURACY): 0.5, (SHUFFLED, ACCURACY): 0.5,
        (AT_END, ACCURACY): 1.0, (FIRST, TRIED): 50.0, (OUTPUT, TRIED): 100.0,
        (FIRST, PASSES): 20.0, (OUTPUT, PASSES): 100.0, (ONWARD, FLIPS): 0.5, (TUNED, FLIPS): 0.1,
        (FIRST, FLIPS): 0.5, (OUTPUT, FLIPS): 0.5,
    }  # fmt: skip
    figures |= changed.get("to", {})
    return [claim.margin(lambda row, name: figures[row, name]) for claim in CLAIMS]


@pytest.mark.parametrize(
    ("claim", "to"),
    [
        (0, {(CAUSES[0], CHANGE): 0.5}),
        (0, {(CAUSES[1], CHANGE): 0.2}),
        (1, {(CAUSES[2], CHANGE): 0.5}),
        (1, {(CAUSES[3], CHANGE): 0.2}),
        (2, {(AT_WORD, ACCURACY): 0.7}),
        (2, {(SHUFFLED, ACCURACY): 0.7}),
        (2, {(AT_END, ACCURACY): 0.9}),
        (3, {(FIRST, TRIED): 120.0}),
        (4, {(FIRST, PASSES): 120.0}),
        (5, {(TUNED, FLIPS): 0.48}),
    ],
)
def test_a_claim_falls_with_the_figure_it_is_about(claim, to):
    assert all(margin > 0 for margin in margins())
    assert [at for at, margin in enumerate(margins(to=to)) if margin < 0] == [claim]
    assert margins()[3] == pytest.approx(0.5)
    none = margins(to={(FIRST, FLIPS): 0.0, (OUTPUT, FLIPS): 0.0})
    assert none[3] == none[4] == 0  # where nothing is answered, nothing is cheaper
