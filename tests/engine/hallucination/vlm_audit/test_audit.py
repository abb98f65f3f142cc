"""The audit's figures, by steps that are written out again, and what its claims compare."""

from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pytest
import torch

from engine.evaluation.experiment import ExperimentCase
from engine.evaluation.language.scenes import decode_captions
from engine.hallucination.vlm_audit import experiment as audit
from engine.hallucination.vlm_audit.audit_pairs import SCENES, declined_pairs, described_pairs
from engine.hallucination.vlm_audit.claims import (
    CLAIMS,
    DECLINED,
    DECLINED_NOISE,
    DETECTOR_AUROC,
    ELSE,
    EPS50,
    EVADES,
    LEVELS,
    NAMED,
    NOISE,
    PLAIN,
    UNAWARE,
    WAYS,
    AuditWay,
    half_point,
    success,
)
from engine.hallucination.vlm_audit.defenses import JPEG, recoded
from engine.hallucination.vlm_audit.experiment import VisualAudit
from engine.hallucination.vlm_audit.phrases import GREEDY, PHRASES, losses
from engine.vision import data as data_sets
from engine.vision.language.tiny_vlm.weights import HONEST, load
from tests.engine.hallucination.steps import nearest_levels, steps

FEW = (0, 8, 16)  # sizes of change
SMALL = (PLAIN, NOISE, UNAWARE[JPEG], EVADES, DECLINED)
QUICK = VisualAudit(seeds=1, images=2, targets=2, steps=10)


@pytest.fixture(scope="module")
def case():
    return ExperimentCase(data_sets.load("scenes:count=40,kind=broken,seed=1000"))


@pytest.fixture(scope="module", autouse=True)
def few_levels():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit, "LEVELS", FEW)
        yield


@pytest.fixture(scope="module")
def result(few_levels, case):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(VisualAudit, "attacks", SMALL)
        patch.setattr(VisualAudit, "claims", ())
        measures = (*map(success, FEW), EPS50, NAMED, DETECTOR_AUROC, ELSE)
        patch.setattr(VisualAudit, "measures", measures)
        return QUICK(case)


def by_hand(vlm, image, prompt, phrase, epsilon, start, jpeg_too=False):
    """Madry's steps for one image (3, 64, 64) with the model's own loss; back in levels."""
    prompt_ids = vlm.tokenizer.encode(prompt)
    text = torch.tensor([[[*prompt_ids, *vlm.tokenizer.encode(phrase), vlm.spec.eos]]])
    first = torch.tensor([[len(prompt_ids)]])

    def answered(pixels):
        return vlm.loss(vlm.encode_image(vlm.normalize(pixels[None])), text, first)

    def loss(pixels):
        if not jpeg_too:
            return answered(pixels)
        again = pixels + (recoded(pixels.detach()[None], 75)[0] - pixels).detach()
        return (answered(pixels) + answered(again)) / 2

    *_, (_, best) = steps(loss, image / 255, epsilon, start, QUICK.steps)
    return nearest_levels(best, image, epsilon)


def said_by(vlm, levels, prompts):
    return list(map(" ".join, decode_captions(vlm, levels.float() / 255, prompts, GREEDY).words))


@pytest.mark.parametrize("condition", [PLAIN, EVADES, DECLINED])
def test_figures_are_those_of_steps_written_out(case, result, condition):
    vlm = load(HONEST)
    declined = condition == DECLINED
    pairs = declined_pairs(vlm, case, 2, 2) if declined else described_pairs(case, 2, 2)
    assert len(pairs.phrases) == 4
    noise = torch.rand(pairs.levels.shape, generator=torch.Generator().manual_seed(1))
    for at, epsilon in enumerate(FEW[:2]):
        changed = torch.stack(
            [
                by_hand(
                    vlm, image, prompt, phrase, epsilon, 2 * noise[row] - 1, condition == EVADES
                )
                if epsilon
                else image
                for row, (image, prompt, phrase) in enumerate(
                    zip(pairs.levels, pairs.prompts, pairs.phrases, strict=True)
                )
            ]
        )
        answers = said_by(vlm, changed, pairs.prompts)
        right = np.mean([a == b for a, b in zip(answers, pairs.phrases, strict=True)])
        # one of four may turn on float noise along the way
        assert result["table"].cell(condition, success(epsilon)) == pytest.approx(right, abs=0.26)
        nats = losses(vlm, changed.float() / 255, pairs.wanted).mean().item()
        assert result["nats"][condition][at] == pytest.approx(nats, rel=0.05, abs=0.02)
    assert result["table"].cell(condition, success(0)) == 0
    assert result["nats"][condition][-1] < 0.6 * result["nats"][condition][0]
    assert result["table"].cell(NOISE, success(16)) == 0


def test_starts_are_independent_and_a_defense_outside_scores_the_same_images(case, monkeypatch):
    vlm, pairs = load(HONEST), described_pairs(case, 2, 2)
    plain = QUICK.moved(vlm, pairs, AuditWay(), case, lambda *_: None)
    assert QUICK.moved(vlm, pairs, AuditWay(JPEG), case, lambda *_: None) is plain
    through = QUICK.moved(vlm, pairs, AuditWay(JPEG, through=True), case, lambda *_: None)
    assert not torch.equal(through[1].change, plain[1].change)
    assert [int(attack.change.abs().max()) for attack in plain] == list(FEW)
    perturbed = Mock(wraps=audit.perturbed)
    monkeypatch.setattr(audit, "perturbed", perturbed)
    QUICK.moved(vlm, pairs, AuditWay(), replace(case, seed=1), lambda *_: None)
    assert [call.args[3].initial_seed() for call in perturbed.call_args_list] == [1000, 1001, 1002]


def test_declined_questions_are_declined_and_the_picture_shows_the_change(case):
    vlm = load(HONEST)
    pairs = declined_pairs(vlm, case, 2, 2)
    for prompt, present in zip(pairs.prompts, pairs.there, strict=True):
        assert prompt.split()[-1] not in present
    assert set(said_by(vlm, pairs.levels, pairs.prompts)) == {"unknown"}
    view = QUICK.picture(case)
    before, after, change, noise = view.images[0].astype(int)
    assert np.array_equal(np.minimum(10 * abs(after - before), 255), change)
    assert abs(noise - before).max() == 8
    assert "simulation" in view.finding.lower()
    assert view.caption(0, 0) != view.caption(0, 1)


def test_views_and_the_sentence_have_the_figures_of_the_table(result, case):
    assert result["nats"].order == ("ε", *SMALL)
    assert result["named"].order == ("ε", *SMALL)
    assert result["steps"].order == ("step", *(f"ε = {level}/255" for level in FEW[1:]))
    table = result["table"]
    assert np.isnan(table.cell(UNAWARE[JPEG], DETECTOR_AUROC))
    assert np.isnan(table.cell(DECLINED, ELSE))
    assert 0 <= table.cell(NOISE, DETECTOR_AUROC) <= 1
    assert 0 <= table.cell(PLAIN, NAMED) <= 1
    pairs = described_pairs(case, 2, 2)
    words = [answer.split() for answer in said_by(load(HONEST), pairs.levels, pairs.prompts)]
    named = sum(len(nouns & set(word)) for nouns, word in zip(pairs.there, words, strict=True))
    share = named / sum(map(len, pairs.there))
    assert result["named"][PLAIN][0] == pytest.approx(share)
    assert result["named"][NOISE][0] == pytest.approx(share)
    words = QUICK.finding(case, result)
    share = 100 * result["table"].cell(PLAIN, success(8))
    assert f"{share:.0f} % of trials" in words
    assert "simulation" in words.lower()


def figures(changed):
    """Success by condition at every ε, and the detector's AUROC."""
    rising = dict(zip(LEVELS, (0, 0.3, 0.6, 0.8, 1.0, 1.0), strict=True))
    shares = (
        dict.fromkeys(WAYS, rising)
        | {condition: dict.fromkeys(LEVELS, 0.0) for condition in (NOISE, DECLINED_NOISE)}
        | {condition: {e: 0.5 * s for e, s in rising.items()} for condition in UNAWARE.values()}
    )
    finds = {PLAIN: 0.95, EVADES: 0.6} | changed.get(DETECTOR_AUROC, {})
    shares = shares | changed

    def of(condition, measure):
        if measure == DETECTOR_AUROC:
            return finds[condition]
        return next(shares[condition][e] for e in LEVELS if success(e) == measure)

    return of


def test_claims_are_broken_without_what_they_need():
    assert all(claim.margin(figures({})) > 0 for claim in CLAIMS)
    low, some = dict.fromkeys(LEVELS, 0.1), dict.fromkeys(LEVELS, 0.06)
    broken = [
        {PLAIN: low},
        {NOISE: some},
        {PLAIN: dict(zip(LEVELS, (0, 0.3, 0.9, 0.8, 1.0, 1.0), strict=True))},
        {DECLINED: low},
        {UNAWARE[JPEG]: dict.fromkeys(LEVELS, 0.95)},
        {UNAWARE[JPEG]: dict.fromkeys(LEVELS, 0.97)},
        {DETECTOR_AUROC: {PLAIN: 0.95, EVADES: 0.9}},
    ]
    for claim, changed in zip(CLAIMS, broken, strict=True):
        assert claim.margin(figures(changed)) < 0, claim.words
    assert half_point((0, 2, 4, 8), (0, 0.1, 0.4, 0.8)) == pytest.approx(5.0)
    assert half_point((0, 2), (0.6, 1.0)) == 0
    assert np.isnan(half_point((0, 2), (0.0, 0.4)))
    from engine.evaluation.language.scene_ranges import LESSONS, MASKS
    from engine.vision.data.registry import recipe

    seed = recipe(SCENES).seed
    assert all(seed not in part.seeds for use in (LESSONS, MASKS) for part in use.ranges)
    assert EPS50 in VisualAudit.measures
    assert len(PHRASES) == 8
