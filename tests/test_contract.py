"""What every listed method promises, checked on tiny models in seconds.

A method is covered by being listed in its family's METHODS, or in INTERNAL_METHODS with the reason
why it is not: a class that is in neither fails.
"""

import importlib
import inspect
import json
import pkgutil
import random
from contextlib import nullcontext
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

import engine
from engine import attribution, hallucination, unlearning
from engine.anomaly.protocol.pixel_bank import PixelBanks
from engine.attribution.adasmooth.experiment import AdaptiveSmoothing
from engine.attribution.cbc import PROTOTYPES, PrototypeRobustness
from engine.attribution.cbsn.experiment import Cbsn
from engine.attribution.mhim import whole
from engine.attribution.tilt import LocalTilt, TiltedBoundary, TiltedSheets
from engine.commands.families import INTERNAL_METHODS, METHODS
from engine.commands.output import write
from engine.core import run
from engine.core.borrow import is_lazy
from engine.core.errors import BadSetting, BlindspotError, Cancelled, DoesNotFit
from engine.core.keeping.memory import Memory
from engine.core.keeping.packing import StoredAnswer, pack, unpack
from engine.core.method import Choice, Method, Slider, Switch
from engine.core.result import Features, HeatMap, Table
from engine.core.run import answer, digest, recompute
from engine.evaluation.experiment import ClosedFormExperiment, Experiment, ExperimentCase
from engine.evaluation.kept_experiment import Condition, ConditionCase
from engine.hallucination.ssr_audit import weights as refusal
from engine.hallucination.ssr_audit.image_rerouting import ImageRerouting
from engine.hallucination.ssr_audit.one_question import DeclinedQuestion
from engine.hallucination.ssr_audit.refusal import RefusalAudit
from engine.hallucination.vlm_audit.experiment import VisualAudit
from engine.unlearning import CERTIFICATES, CudaExperiment, GeneratorCase
from engine.unlearning.roe.ballots import recipe, untrained
from engine.vision.lab import TrainCase
from engine.vision.language.tiny_vlm.weights import HONEST, load
from engine.vision.models.classifier import Classifier
from engine.vision.models.pace import Pace
from engine.vision.training import fresh
from tests import tiny
from tests.answers import differing, plain, settled, small, timed
from tests.recorded import assert_recorded
from tests.written import assert_written

LINEAR = (TiltedBoundary, TiltedSheets)
OWN = (Cbsn, unlearning.FairPoisoning, unlearning.VatExperiment)  # networks that are no classifiers
BLIND = {
    *(kind.full_name() for kind in (*LINEAR, *OWN)),
    "attribution.BlindSpot", "attribution.Denoised",
    "attribution.Infidelity", "attribution.Place", "attribution.Shape",
    "sparsity.Learned", "sparsity.Magnitude", "sparsity.Random", "sparsity.Rewinding",
    "sparsity.Unknown", "sparsity.Untrained", "unlearning.Copies", "unlearning.Frontier",
    "unlearning.RandomNoise",
}  # fmt: skip
"""They never ask the model anything, or only through kept answers."""
PARTS = {PixelBanks, Condition}  # of other answers, whose contract is theirs
CONTRACT_METHODS = [*METHODS, *(kind for kind in INTERNAL_METHODS if kind not in PARTS)]
every = pytest.mark.parametrize("kind", CONTRACT_METHODS, ids=lambda kind: kind.full_name())
SEEING = [kind for kind in CONTRACT_METHODS if kind.family not in {"hallucination", "lab"}]
SEEING = [kind for kind in SEEING if not issubclass(kind, Experiment)]
seeing = pytest.mark.parametrize("kind", SEEING, ids=lambda kind: kind.full_name())
"""Those that ask an image model, which takes images in batches."""


@dataclass(frozen=True)
class WatchedAnswer:
    """A small method's answer, and what was seen while it was computed.

    Args:
        result: the answer.
        told: each report of progress, as share done and words.
        changed: what of the model was different afterwards.
        drew: whether it drew from the random numbers that everybody shares.
    """

    result: Any
    told: list[tuple[float, str]]
    changed: set[str]
    drew: bool


def watch(kind, case):
    """Ask the small method about a case, and watch the model, the reports and shared chance."""
    reports, (model, _) = [], network(case, kind)
    before, chance = state(model), seeded_chance()
    with recompute(is_condition):
        result = small(kind)(
            case, lambda done, words="", partial=None: reports.append((done, words))
        )
    return WatchedAnswer(result, reports, changes(before, model), shared_chance() != chance)


def is_condition(case):
    """Whether it is a part of an experiment that a second answer would find kept."""
    return isinstance(case, ConditionCase)


@cache
def watched(kind):
    """The answer once more, at the pace of `plain`."""
    return watch(kind, settled(tiny.case_for(kind)))


@cache
def one_by_one(kind):
    """The answer of a slow model that takes one image at a time; other cases are as ever."""
    case = tiny.case_for(kind)
    if not isinstance(model := getattr(case, "model", None), Classifier):
        return watched(kind)
    model._paces |= {use: Pace(1, False, use, 1.0) for use in ("exact", "gradient")}
    return watch(kind, case)


def seeded_chance():
    """Seeds the random numbers that everybody shares, and says where they stand."""
    torch.manual_seed(1234)
    np.random.seed(1234)  # noqa: NPY002 - it is the one that must not be used
    random.seed(1234)
    return shared_chance()


def shared_chance():
    return (
        torch.get_rng_state().tolist(),
        [str(part) for part in np.random.get_state(legacy=False).items()],  # noqa: NPY002
        random.getstate(),
    )


def network(case, kind=CudaExperiment):
    """The network that a case asks, and what of it is run first."""
    if isinstance(case, hallucination.CaptionCase | hallucination.ScenesCase):
        return case.vlm.parts, case.vlm.parts.encoder
    if isinstance(case, GeneratorCase):
        return case.generator.network, case.generator.network
    if kind in {VisualAudit, ImageRerouting}:  # ask a model that ships
        parts = load(HONEST).parts
        return parts, parts.encoder
    if kind in {RefusalAudit, DeclinedQuestion}:  # ask a network that ships
        net = refusal.network(0)
        return net, net.layers[0]
    if isinstance(case, ExperimentCase) or kind in PROTOTYPES:
        model = trained_by(case, kind)
    elif isinstance(case, TrainCase):  # its network is made while it is asked
        model = fresh(case.data, case.recipe)
    else:
        model = case.model
    return model, model.network


def trained_by(case, kind):
    """A network like those that an experiment trains, or the one that it asks copies of."""
    if kind in PROTOTYPES:
        return prototypes_of(case, kind)
    if kind in CERTIFICATES:
        return untrained(case.data, recipe(1), 0)
    if kind is AdaptiveSmoothing:  # asks copies of networks that ship
        return tiny.digit_case().model
    if issubclass(kind, ClosedFormExperiment) or kind in {*LINEAR, *OWN}:  # asks no network
        kind = CudaExperiment
    training = next(iter(small(kind).conditions(case).values()))
    return fresh(training.data, training.recipe)


def prototypes_of(case, kind):
    """A network of prototypes as it is before training."""
    learner = small(kind)
    if kind is PrototypeRobustness:
        learner = learner.learners()["CBC"]
    return learner.fresh(case.data, 0)


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


def changes(before, model):
    """What of a model's state is not as it was before."""
    after = state(model)
    results = {name for name in before if name != "weights" and before[name] != after[name]}
    ours, theirs = before["weights"], after["weights"]
    if ours.keys() != theirs.keys() or not all(torch.equal(ours[k], theirs[k]) for k in ours):
        results.add("weights")
    return results


def assert_unchanged(before, model):
    assert not changes(before, model)


def fail(*_args, **_kwargs):
    raise RuntimeError("half-way")


def test_no_method_is_forgotten_and_what_is_not_listed_has_its_reason():
    for module in pkgutil.walk_packages(engine.__path__, "engine."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    results = {kind for kind in kinds_of(Method) if kind.__module__.startswith("engine.")}
    assert results == {*METHODS, *INTERNAL_METHODS}
    assert not {*METHODS} & INTERNAL_METHODS.keys()
    assert all(reason.endswith(".") for reason in INTERNAL_METHODS.values())


def kinds_of(base):
    """The classes below one that can be asked."""
    for kind in base.__subclasses__():
        yield from kinds_of(kind)
        if not inspect.isabstract(kind):
            yield kind


@every
def test_it_says_who_it_is(kind):
    assert kind.title
    assert kind.family
    assert kind.cost in {"live", "wait", "job"}
    assert len(kind.about()) > 80
    assert kind.paper is None or "http" in kind.paper
    assert "::" in kind.proof
    for name, value in kind.example_constants.items():
        assert hasattr(kind, name)
        assert getattr(small(kind), name) == value  # not so where it names a setting


@every
def test_its_settings_can_be_drawn_and_are_bounded(kind):
    for spec in fields(kind):
        control = spec.metadata["control"]
        assert spec.metadata["label"]
        assert spec.metadata["help"].endswith(".")
        assert control.allows(spec.default)
        wrong = {Slider: "a word", Choice: "no such word", Switch: "maybe"}[type(control)]
        values = [wrong]
        if isinstance(control, Slider):
            values += [control.low - control.step, control.high + control.step]
        if isinstance(control, Choice) and control.source:
            continue
        for value in values:
            with pytest.raises(BadSetting, match=spec.metadata["label"]):
                kind(**{spec.name: value})


@every
def test_it_answers_what_was_recorded(kind):
    assert_recorded(kind.full_name(), plain(kind))


@every
def test_the_same_question_gives_the_same_numbers_in_the_promised_form(kind):
    first, second = plain(kind), watched(kind)
    assert not second.drew, "it draws from random numbers that everybody shares"
    assert not differing(first, second.result)
    heat = next(iter(first.values()))
    for view in first.values():
        arrays = [
            numbers for name, numbers in view.arrays().items() if name.split("/")[0] == "values"
        ]
        if isinstance(view, Features):  # no values where no layer's features are asked for
            arrays = [view.logits]
        assert all(np.isfinite(array).any() for array in arrays)
    if not isinstance(heat, HeatMap):
        assert kind not in attribution.HEATMAPS
        return
    assert first["map"] is heat
    assert heat.values.shape == tuple(tiny.case_for(kind).image.shape[1:])
    assert heat.values.dtype == np.float32
    assert np.isfinite(heat.values).all()
    assert heat.values.std() > 0
    assert heat.unit
    assert heat.signed or heat.values.min() >= 0


@every
def test_the_model_is_left_as_it_was_after_success_failure_and_cancel(kind, tmp_path):
    assert not watched(kind).changed
    case = tiny.case_for(kind)
    method, (model, first) = small(kind), network(case, kind)

    def cancel(_done, _words="", partial=None):
        raise Cancelled("enough")

    before = state(model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BLINDSPOT_HOME", str(tmp_path))  # an unfinished training is resumed nowhere
        with pytest.raises(Cancelled):
            method(case, cancel)
    assert_unchanged(before, model)
    if issubclass(kind, ClosedFormExperiment):  # it has no network whose failure it could meet
        return

    before = state(model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(first), "forward", fail)
        patch.setattr(whole, "_READ", Memory(1))  # tiles are read anew
        asks = kind.full_name() not in BLIND
        expected = pytest.raises(RuntimeError, match="half-way") if asks else nullcontext()
        with expected, recompute(is_condition):
            method(case)
    assert_unchanged(before, model)


@every
def test_progress_rises_to_one(kind):
    reports = one_by_one(kind).told
    assert reports, "it never reports"
    shares = [done for done, _ in reports]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    assert all(words for _, words in reports)
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
        other = another(spec.metadata["control"], getattr(method, spec.name), case)
        assert digest(replace(method, **{spec.name: other}), case) != digest(method, case)


@every
def test_the_answer_is_written_as_record_arrays_and_pictures(kind, tmp_path):
    method, case = small(kind), settled(tiny.case_for(kind))
    record = run.UNRECORDED | run.record(method, case, digest(method, case), 1.0)
    write(run.Answer(plain(kind), record, kept=False), case, tmp_path)
    assert_written(tmp_path, kind)


def pack_json(result):
    description, data = pack(StoredAnswer(result, {}))
    return json.loads(json.dumps(description)), data


def another(control, value, case):
    match control:
        case Slider():
            return control.low if value != control.low else control.high
        case Switch():
            return not value
        case Choice(options, source):
            return next(word for word in options or case.options(source) if word != value)


@seeing
def test_batches_of_one_and_of_sixteen_agree(kind):
    assert_agree(one_by_one(kind).result, plain(kind), 1e-4)


def assert_agree(first, second, share):
    """Every array is the same to that share of its spread (float16 only as far as it can)."""
    assert first.keys() == second.keys()
    for name, view in first.items():
        for field, array in view.arrays().items():
            if timed(field):
                continue
            if np.isnan(array).all():
                assert np.isnan(second[name].arrays()[field]).all()
                continue
            part = max(share, 1e-3) if array.dtype == np.float16 else share
            spread = float(np.ptp(alike(view, field)))
            other = second[name].arrays()[field]
            np.testing.assert_allclose(array, other, rtol=1e-5, atol=part * spread)


def alike(view, field):
    """The known numbers on one scale with an array: of a table, every column of its unit."""
    arrays, column = view.arrays(), field.removeprefix("columns/")
    results = [arrays[field]]
    if isinstance(view, Table) and column != field:
        units = dict(zip(view.order, view.units, strict=True))
        results = [view[name] for name, unit in units.items() if unit == units[column]]
    together = np.concatenate([result.ravel() for result in results])
    return together[~np.isnan(together)]


@every
def test_a_model_that_does_not_fit_is_refused_with_the_reason(kind):
    case = tiny.case_for(kind, tiny.linear_case().model)
    if reason := kind.unmet(case):
        with pytest.raises(DoesNotFit, match="needs"):
            answer(kind(), case)
        assert reason.endswith(".")
    elif kind is LocalTilt:  # it takes every photograph for one class, so none stands for a rival
        with pytest.raises(BlindspotError, match="no sample photograph"):
            answer(kind(), case)
    else:
        view = next(iter(answer(small(kind), case).values()))
        assert not isinstance(view, HeatMap) or view.values.shape == (16, 16)
    if not kind.fast and hasattr(exact_case := tiny.case_for(kind), "at"):
        with pytest.raises(DoesNotFit, match="exact"):
            answer(kind(), exact_case.at("fast"))
        fast = digest(kind(), exact_case.at("fast"))
        assert fast != digest(kind(), exact_case)  # nor found as kept
