"""What every listed method's answer hangs on: each setting, the class, and the score's size."""

from contextlib import suppress
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from engine import attribution
from engine.attribution.cbc import PROTOTYPES
from engine.commands.families import METHODS
from engine.core.charts.chart import Chart
from engine.core.charts.drawing import exhibit
from engine.core.errors import BlindspotError
from engine.core.method import Choice, Slider, Switch, case_kind
from engine.evaluation.experiment import ExperimentCase
from engine.evaluation.trust import TrustCase
from engine.vision.case.target import Target
from tests import tiny
from tests.answers import REPEATED, differing, once, plain, plainly, settled, small
from tests.effects import EFFECTS, INERT, Effect
from tests.recorded import assert_recorded
from tests.test_contract import CONTRACT_METHODS

APART = {*attribution.STUDY, *attribution.LEVEL_SETS, *attribution.ROBUSTNESS}
APART |= {*attribution.SLIDES, *PROTOTYPES}
TARGETED = [kind for kind in attribution.METHODS if kind not in APART]
TARGETED = [kind for kind in TARGETED if case_kind(kind) not in {ExperimentCase, TrustCase}]
targeted = pytest.mark.parametrize("kind", TARGETED, ids=lambda kind: kind.full_name())
"""Those that are asked about one image and one class."""
mapping = pytest.mark.parametrize("kind", attribution.HEATMAPS, ids=lambda kind: kind.full_name())
ROUNDING = 1e-6  # of the largest number: what a setting changes has to be more
CLASSLESS = {"attribution.AttentionRollout", "attribution.Denoised"}
"""They multiply attention, whichever class is asked about, and say so."""
POWERS = {"attribution.GuidedGradCam": 2}
"""Maps that multiply the score's gradient so often; the others do so once."""

SLOW = {
    "anomaly.SMOTE", "attribution.AdaptiveSmoothing", "attribution.CBSN",
    "attribution.PrototypeRobustness", "attribution.SafeCV", "hallucination.HalluRAG",
    "hallucination.ImageRerouting", "hallucination.MaskLLM", "hallucination.RefusalAudit",
    "hallucination.VisualAudit",
    "hallucination.WordRisk", "sparsity.FTWT", "sparsity.NMFlow", "sparsity.RandomPruning",
    "sparsity.Reprogram", "sparsity.Rewinding", "sparsity.Untrained", "unlearning.CUDA",
    "unlearning.ENG", "unlearning.ForgetRange", "unlearning.GeneratorSalUn", "unlearning.KLoM",
    "unlearning.PollsAfter", "unlearning.ProtectedShare", "unlearning.ProtectionDefenses",
    "unlearning.ProtectionVictims", "unlearning.RelabeledVictims", "unlearning.SparseOriginals",
}  # fmt: skip
"""They train networks or generate much text for each setting, which takes seconds, so only
`make test-slow` tries every setting of theirs: run it after a change to one of them. Their proofs
and the rest of the contract run in `make test-all`, and so does everything of a method that is not
named here: a new one is tried until somebody adds its name."""


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=[pytest.mark.slow] if kind.full_name() in SLOW else [])
        for kind in CONTRACT_METHODS
    ],
    ids=lambda kind: kind.full_name(),
)
def test_every_setting_changes_an_answer(kind):
    still = []
    for spec in fields(kind):
        name = f"{kind.full_name()}.{spec.name}"
        if name in INERT:
            continue
        effect = EFFECTS.get(name, Effect())
        begun = small(kind) if spec.name in REPEATED else once(kind)
        method, case = replace(begun, **effect.given), settled(effect.case(kind))
        first = plainly(method, kind, effect.case)
        for other in others(spec.metadata["control"], getattr(method, spec.name), case):
            with suppress(BlindspotError):  # the case refuses this value: another one, then
                changed = replace(method, **{spec.name: other})(case)
                if differing(first, changed, ROUNDING):
                    if kind.full_name() not in SLOW:  # tests.recorded runs no slow test
                        assert_recorded(f"{name} = {other}", changed)
                    break
        else:
            still.append(spec.name)
    assert not still, "these change nothing; tests/effects.py says where a setting shows"


def others(control, value, case):
    """Other values of a setting, the cheapest first."""
    match control:
        case Slider(low, high, step, off=off):
            more = round(value + step, 9) if value is not None else high
            results = [low, *([None] if off else []), min(more, high), high]
        case Switch():
            results = [not value]
        case Choice(options, source, off):
            results = [*(options or case.options(source)), *([None] if off else [])]
    return [result for result in dict.fromkeys(results) if result != value]


def test_every_effect_that_is_told_is_of_a_setting():
    known = {f"{kind.full_name()}.{spec.name}" for kind in METHODS for spec in fields(kind)}
    assert EFFECTS.keys() | INERT.keys() <= known
    assert {kind.full_name() for kind in CONTRACT_METHODS} >= SLOW
    assert all(reason.endswith(".") for reason in INERT.values())


@pytest.mark.parametrize(
    "kind",
    [kind for kind in CONTRACT_METHODS if kind.drawings or kind.main_drawing],
    ids=lambda kind: kind.full_name(),
)
def test_what_a_method_draws_is_in_its_answer_and_says_what_it_shows(kind):
    """The page leaves out what an answer does not have: nobody would miss a misspelled view."""
    result = plain(kind)
    for drawing in filter(None, (*kind.drawings, kind.main_drawing)):
        assert drawing.view in result
        shown = exhibit(drawing, result)
        assert (shown.finding != "") == (drawing.finding is not None)
        if isinstance(shown.shape, Chart):
            assert shown.finding.endswith(".")
            assert shown.shape.figure(shown.view).data


@targeted
def test_another_class_is_another_answer(kind):
    other = replace(settled(tiny.case_for(kind)), target=Target(0))
    changed = differing(plain(kind), small(kind)(other))
    first = next(iter(plain(kind)))
    if kind.full_name() in CLASSLESS:
        assert not changed
        assert "does not depend on the class" in " ".join(kind.about().split())
        return
    assert any(name.startswith(f"{first}/") for name in changed), "it ignores the class"


@mapping
def test_a_score_of_ten_times_the_size_has_a_map_of_ten_times_the_size(kind):
    case, plainly = settled(tiny.case_for(kind)), plain(kind)["map"]
    with torch.no_grad():
        for parameter in case.model.head.parameters():
            parameter.mul_(10)
    larger = small(kind)(case)["map"].values
    most = max(np.abs(plainly.values).max(), np.abs(larger).max())
    assert most != pytest.approx(1, abs=1e-6) or kind.full_name() in CLASSLESS
    if plainly.unit.startswith(case.target.unit):
        expected = 10.0 ** POWERS.get(kind.full_name(), 1) * plainly.values
        np.testing.assert_allclose(larger, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())
    else:
        assert (kind.full_name() in CLASSLESS) == np.array_equal(larger, plainly.values)
