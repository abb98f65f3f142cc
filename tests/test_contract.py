"""What every listed method promises, checked on tiny models in seconds.

A method is covered by being listed in its family's METHODS.
"""

from __future__ import annotations

import json
import random
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import fields, replace
from functools import cache

import numpy as np
import pytest
import torch

from engine import attribution, hallucination
from engine.attribution.trust import Check
from engine.errors import BadSetting, BlindspotError, Cancelled, DoesNotFit
from engine.families import METHODS
from engine.lab import TrainCase
from engine.method import Choice, Slider, Switch
from engine.models.borrow import is_lazy
from engine.models.classifier import Classifier
from engine.models.pace import Pace
from engine.result import HeatMap
from engine.run import answer, digest
from engine.store import Kept, pack, unpack
from engine.target import Target
from engine.training import fresh
from tests import tiny
from tests.effects import EFFECTS, INERT, Effect

BLIND = {
    "attribution.Foretold", "attribution.Place", "attribution.Shape", "sparsity.Learned",
    "sparsity.Magnitude", "sparsity.Random", "sparsity.Unknown", "unlearning.Frontier",
}  # fmt: skip
"""They never ask the model anything, or only through kept answers."""
every = pytest.mark.parametrize("kind", METHODS, ids=lambda kind: kind.full_name())
seeing = pytest.mark.parametrize(
    "kind",
    [kind for kind in METHODS if kind.family not in {"hallucination", "lab"}],
    ids=lambda kind: kind.full_name(),
)
"""Those that ask an image model, which takes images in batches."""
targeted = pytest.mark.parametrize(
    "kind",
    [
        kind
        for kind in attribution.METHODS
        if kind not in {*attribution.STUDY, *attribution.LEVEL_SETS} and not issubclass(kind, Check)
    ],
    ids=lambda kind: kind.full_name(),
)
"""Those that are asked about one image and one class."""
mapping = pytest.mark.parametrize("kind", attribution.HEATMAPS, ids=lambda kind: kind.full_name())
ROUNDING = 1e-6  # of the largest number: what a setting changes has to be more
CLASSLESS = {"attribution.AttentionRollout"}
"""They multiply attention, whichever class is asked about, and say so."""
POWERS = {"attribution.GuidedGradCam": 2}
"""Maps that multiply the score's gradient so often; the others do so once."""


def small(kind):
    """Few samples where a method counts them, so that the contract takes seconds."""
    counted = {"samples": 40, "steps": 8, "masks": 40, "side": 8, "rounds": 5, "maps": 2}
    counted |= {"length": 6} if kind.family == "hallucination" else {}
    trains = kind.family in {"sparsity", "unlearning"}
    counted |= {"images": 10, "epochs": 1} if trains else {"images": 8}
    given = {
        spec.name: max(counted[spec.name], spec.metadata["control"].low)
        for spec in fields(kind)
        if counted.get(spec.name) and isinstance(spec.metadata["control"], Slider)
    }
    return kind(**given)


def settled(case):
    """The case with a batch that does not hang on how busy the machine is."""
    if isinstance(model := getattr(case, "model", None), Classifier):
        model._paces |= {use: Pace(4, False, use, 0.0) for use in ("exact", "fast", "gradient")}
    return case


@cache
def plain(kind):
    """The small method's answer about its tiny case; computed once for all who only read it."""
    return small(kind)(settled(tiny.case_for(kind)))


def differing(one, two, near=0.0):
    """The arrays of one answer, by view and field, that are others in the other answer.

    Decimals that differ by no more than `near` of the largest count as the same.
    """
    found = set(one) ^ set(two)
    for name in set(one) & set(two):
        ours, theirs = one[name].arrays(), two[name].arrays()
        found |= {f"{name}/{field}" for field in set(ours) ^ set(theirs)}
        found |= {
            f"{name}/{field}"
            for field in set(ours) & set(theirs)
            if not timed(field) and not alike(ours[field], theirs[field], near)
        }
    return found


def alike(one, two, near):
    if one.shape != two.shape or one.dtype.kind != "f" or not near:
        return np.array_equal(one, two, equal_nan=one.dtype.kind == "f")
    most = np.abs(one[np.isfinite(one)]).max(initial=0.0)
    return np.allclose(one, two, rtol=0, atol=near * most, equal_nan=True)


@contextmanager
def chance_untouched():
    """Seeds the random numbers that everybody shares; afterwards nobody may have drawn any."""
    torch.manual_seed(1234)
    np.random.seed(1234)  # noqa: NPY002 - it is the one that must not be used
    random.seed(1234)
    before = shared_chance()
    yield
    assert shared_chance() == before, "it draws from random numbers that everybody shares"


def shared_chance():
    return (
        torch.get_rng_state().tolist(),
        [str(part) for part in np.random.get_state(legacy=False).items()],  # noqa: NPY002
        random.getstate(),
    )


def timed(field):
    """Whether it is seconds, as a field or as a column of a table."""
    return field.split("/")[-1].startswith("seconds")  # others each time


def network(case):
    """The network that a case asks, and what of it is run first."""
    if isinstance(case, hallucination.CaptionCase | hallucination.ScenesCase):
        return case.vlm.parts, case.vlm.parts.encoder
    if isinstance(case, TrainCase):  # its network is made while it is asked
        model = fresh(case.data, case.recipe)
        return model, model.network
    return case.model, case.model.network


def state(model):
    """Everything about a model that a method must leave alone."""
    return {
        "weights": {k: v.clone() for k, v in model.state_dict().items()},
        "modes": [module.training for module in model.modules()],
        "flags": [parameter.requires_grad for parameter in model.parameters()],
        "grads": [parameter.grad for parameter in model.parameters()],
        "modules": [type(module) for module in model.modules()],
        "hooks": sum(
            len(registry)
            for module in model.modules()
            for name, registry in vars(module).items()
            if "_hooks" in name and isinstance(registry, dict)
        ),
        "plain": [
            {
                name: value
                for name, value in vars(module).items()
                if isinstance(value, bool | int | float | str) and not is_lazy(module, name)
            }
            for module in model.modules()
        ],
    }


def assert_unchanged(before, model):
    after = state(model)
    weights, others = before.pop("weights"), after.pop("weights")
    assert weights.keys() == others.keys()
    assert all(torch.equal(weights[name], others[name]) for name in weights)
    assert before == after


def fail(*_args, **_kwargs):
    raise RuntimeError("half-way")


@every
def test_it_says_who_it_is(kind):
    assert kind.title
    assert kind.family
    assert kind.cost in {"live", "wait", "job"}
    assert len(kind.about()) > 80
    assert kind.paper is None or "http" in kind.paper
    assert "::" in kind.proof


@every
def test_its_settings_can_be_drawn_and_are_bounded(kind):
    for spec in fields(kind):
        control = spec.metadata["control"]
        assert spec.metadata["label"]
        assert spec.metadata["help"].endswith(".")
        assert control.allows(spec.default)
        wrong = {Slider: "a word", Choice: "no such word", Switch: "maybe"}[type(control)]
        beyond = (
            [control.low - control.step, control.high + control.step]
            if isinstance(control, Slider)
            else []
        )
        if isinstance(control, Choice) and control.source:
            continue
        for value in [wrong, *beyond]:
            with pytest.raises(BadSetting, match=spec.metadata["label"]):
                kind(**{spec.name: value})


@every
def test_the_same_question_gives_the_same_numbers_in_the_promised_form(kind):
    case, first = settled(tiny.case_for(kind)), plain(kind)
    with chance_untouched():
        second = small(kind)(case)
    assert not differing(first, second)
    heat = next(iter(first.values()))
    for view in first.values():
        held = [one for name, one in view.arrays().items() if name.split("/")[0] == "values"]
        assert all(np.isfinite(array).any() for array in held)
    if not isinstance(heat, HeatMap):
        assert kind not in attribution.HEATMAPS
        return
    assert first["map"] is heat
    assert heat.values.shape == tuple(case.image.shape[1:])
    assert heat.values.dtype == np.float32
    assert np.isfinite(heat.values).all()
    assert heat.values.std() > 0
    assert heat.unit
    assert heat.signed or heat.values.min() >= 0


@every
def test_the_model_is_left_as_it_was_after_success_failure_and_cancel(kind):
    case = tiny.case_for(kind)
    method, (model, first) = small(kind), network(case)
    before = state(model)
    method(case)
    assert_unchanged(before, model)

    def cancel(_done, _words="", partial=None):
        raise Cancelled("enough")

    before = state(model)
    with pytest.raises(Cancelled):
        method(case, cancel)
    assert_unchanged(before, model)

    before = state(model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(first), "forward", fail)
        asks = kind.full_name() not in BLIND
        with pytest.raises(RuntimeError, match="half-way") if asks else nullcontext():
            method(case)
    assert_unchanged(before, model)


@every
def test_progress_rises_to_one(kind):
    told = []

    def listen(done, words="", partial=None):
        told.append((done, words))

    case = tiny.case_for(kind)
    if isinstance(model := getattr(case, "model", None), Classifier):
        model._paces |= {use: Pace(1, False, use, 1.0) for use in ("exact", "gradient")}
    small(kind)(case, listen)
    assert told, "it never reports"
    shares = [done for done, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    assert all(words for _, words in told)
    assert kind.cost == "live" or shares[0] < 1, "it reports only when all is over"


@every
def test_the_answer_survives_the_store_and_is_named_by_its_settings(kind):
    case = tiny.case_for(kind)
    method = small(kind)
    result = plain(kind)
    again = unpack(*pack_json(result))
    for name, view in result.items():
        assert again.result[name].facts() == view.facts()
        for field, array in view.arrays().items():
            assert np.array_equal(array, again.result[name].arrays()[field], equal_nan=True)
    for spec in fields(kind):
        control = spec.metadata["control"]
        other = another(control, getattr(method, spec.name), case)
        assert digest(replace(method, **{spec.name: other}), case) != digest(method, case)


def pack_json(result):
    said, data = pack(Kept(result, {}))
    return json.loads(json.dumps(said)), data


def another(control, value, case):
    match control:
        case Slider():
            return control.low if value != control.low else control.high
        case Switch():
            return not value
        case Choice(options, source):
            return next(word for word in options or case.options(source) if word != value)


@every
def test_every_setting_changes_an_answer(kind):
    still = []
    for spec in fields(kind):
        name = f"{kind.full_name()}.{spec.name}"
        if name in INERT:
            continue
        effect = EFFECTS.get(name, Effect())
        method, case = replace(small(kind), **effect.given), settled(effect.case(kind))
        first = plain(kind) if effect == Effect() else method(case)
        value = getattr(method, spec.name)
        for other in others(spec.metadata["control"], value, case):
            with suppress(BlindspotError):  # the case refuses this value: another one, then
                if differing(first, replace(method, **{spec.name: other})(case), ROUNDING):
                    break
        else:
            still.append(spec.name)
    assert not still, "these change nothing; tests/effects.py says where a setting shows"


def others(control, value, case):
    """Other values of a setting, the cheapest first."""
    match control:
        case Slider(low, high, step, off=off):
            more = round(value + step, 9) if value is not None else high
            found = [low, *([None] if off else []), min(more, high), high]
        case Switch():
            found = [not value]
        case Choice(options, source, off):
            found = [*(options or case.options(source)), *([None] if off else [])]
    return [one for one in dict.fromkeys(found) if one != value]


def test_every_effect_that_is_told_is_of_a_setting():
    known = {f"{kind.full_name()}.{spec.name}" for kind in METHODS for spec in fields(kind)}
    assert EFFECTS.keys() | INERT.keys() <= known
    assert all(reason.endswith(".") for reason in INERT.values())


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
        wanted = 10.0 ** POWERS.get(kind.full_name(), 1) * plainly.values
        np.testing.assert_allclose(larger, wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max())
    else:
        assert (kind.full_name() in CLASSLESS) == np.array_equal(larger, plainly.values)


@seeing
def test_batches_of_one_and_of_eight_agree(kind):
    results = []
    for batch in (1, 8):
        case = tiny.case_for(kind)
        case.model._paces |= {use: Pace(batch, False, use, 0.0) for use in ("exact", "gradient")}
        results.append(small(kind)(case))
    assert_agree(*results, 1e-4)


def assert_agree(one, two, share):
    """Every array is the same to that share of its spread (float16 only as far as it can)."""
    assert one.keys() == two.keys()
    for name, view in one.items():
        for field, array in view.arrays().items():
            if timed(field):
                continue
            if np.isnan(array).all():
                assert np.isnan(two[name].arrays()[field]).all()
                continue
            part = max(share, 1e-3) if array.dtype == np.float16 else share
            spread = float(np.nanmax(array) - np.nanmin(array))
            other = two[name].arrays()[field]
            np.testing.assert_allclose(array, other, rtol=1e-5, atol=part * spread)


@every
def test_a_model_that_does_not_fit_is_refused_with_the_reason(kind):
    linear = tiny.linear_case()
    case = tiny.case_for(kind, linear.model)
    if reason := kind.unmet(case):
        with pytest.raises(DoesNotFit, match="needs"):
            answer(kind(), case)
        assert reason.endswith(".")
    else:
        view = next(iter(answer(small(kind), case).values()))
        assert not isinstance(view, HeatMap) or view.values.shape == (16, 16)
    if not kind.fast and hasattr(kept := tiny.case_for(kind), "at"):
        with pytest.raises(DoesNotFit, match="exact"):
            answer(kind(), kept.at("fast"))
