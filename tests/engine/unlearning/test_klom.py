"""KLoM against the published steps written out, closed forms, its noise; KLoM of a method."""

from dataclasses import replace

import numpy as np
import pytest

from engine.core.run import answer
from engine.evaluation.forgetting.klom import BINS, GAUSSIAN, klom, margins, too_few_models
from engine.unlearning import AfterCase, FineTune, KLoM, NoOp, OracleMatching, PruneFirst, Retrain
from engine.unlearning.diagnostics import klom as room
from engine.unlearning.dmm.trainings import ALL, STAYS, logits_of, models_of, train_part
from engine.vision.models.rebuild import rebuilt
from engine.vision.training import outputs
from tests.engine.unlearning.dmm.test_trainings import RECIPE
from tests.engine.unlearning.trained import class_case
from tests.refusals import assert_refused


def drawn(models, images, seed=0, shift=0.0, scale=1.0):
    return np.random.default_rng(seed).normal(shift, scale, (models, images))


def published(p, q):
    """One image with 20 bins, step by step."""
    p, q = np.clip(p, -100, 100), np.clip(q, -100, 100)
    start, end = min(p.min(), q.min()), max(p.max(), q.max())
    if start >= end:
        end = start + 1
    edges = np.linspace(start, end, 21)
    counts = []
    for sample in (p, q):
        bins = np.digitize(sample, edges)
        histogram = np.array([(bins == number).sum() for number in range(1, 21)])
        if not histogram.any():  # ours: all at the end count in the last bin
            histogram[-1] = len(sample)
        counts.append(histogram / histogram.sum())
    pairs = zip(*counts, strict=True)
    return sum(share * np.log(share / max(other, 1e-5)) for share, other in pairs if share > 0)


def test_a_margin_is_the_label_s_logit_above_the_soft_maximum_of_the_others():
    logits = np.random.default_rng(0).normal(size=(3, 5, 4)) * 5
    labels = np.array([0, 3, 1, 1, 2])
    for model, image in np.ndindex(3, 5):
        own, others = (
            logits[model, image, labels[image]],
            np.delete(logits[model, image], labels[image]),
        )
        expected = own - np.log(np.exp(others).sum())
        assert margins(logits, labels)[model, image] == pytest.approx(expected)
    assert margins(np.array([[1000.0, 0.0]]), np.array([0]))[0] == pytest.approx(1000)


def test_with_bins_it_is_what_the_published_steps_give():
    p, q = drawn(100, 40, 0, 0.5), drawn(120, 40, 1) * 2
    p[:, 0], q[:, 1] = 3.0, -4.0  # one value
    p[:, 2] = q[:, 2] = 1.0  # all alike
    p[:50, 3] = 500  # beyond what is cut
    q[:, 4] = p[:, 4].repeat(2)[:120]
    expected = [published(p[:, image], q[:, image]) for image in range(40)]
    np.testing.assert_allclose(klom(p, q, BINS), expected, atol=1e-9)
    assert klom(p, q, BINS)[2] == 0


def test_models_that_never_answer_alike_or_all_blew_up_are_at_the_ceiling():
    p, q = drawn(100, 5), drawn(100, 5, 1, shift=90)
    np.testing.assert_allclose(klom(p * 1e-3, q, BINS), np.log(1e5), rtol=1e-6)  # in one bin
    blown, plain = np.full((100, 3), 1e6), drawn(100, 3)
    for extreme in (blown, -blown):  # all are the highest value, or the lowest
        np.testing.assert_allclose(klom(extreme, plain, BINS), np.log(1e5))
    spread = klom(plain, blown, BINS)  # in some bins, and the oracles in none of these
    assert (spread > np.log(1e5) - np.log(20)).all()
    assert (spread <= np.log(1e5) + 1e-9).all()
    assert (klom(blown, blown, BINS) == 0).all()


def test_the_gaussian_form_is_that_of_means_and_deviations_from_unlearned_models_to_oracles():
    p, q = drawn(30, 7, 2, 1.0, 0.5), drawn(40, 7, 3)
    expected = np.log(q.std(0) / p.std(0)) - 0.5
    expected += (p.var(0) + (p.mean(0) - q.mean(0)) ** 2) / (2 * q.var(0))
    np.testing.assert_allclose(klom(p, q), expected, rtol=1e-6)
    np.testing.assert_allclose(klom(q + 2 * q.std(0), q), 2.0)  # (2 sd)² / 2
    same = np.ones((20, 1))
    assert klom(same, same)[0] == 0
    assert klom(same, same + 1e-3)[0] == pytest.approx(0.5)  # a deviation is at least 1e-3
    narrow, wide = drawn(50, 1, 0, 0, 0.1), drawn(50, 1, 1)
    assert klom(narrow, wide)[0] < 3 < klom(wide, narrow)[0]


@pytest.mark.parametrize(
    ("form", "models", "median", "high"),
    [
        (BINS, 100, 0.31, 0.63),
        (BINS, 200, 0.14, 0.29),
        (GAUSSIAN, 20, 0.07, 0.37),
        (GAUSSIAN, 50, 0.03, 0.13),
    ],
)
def test_the_noise_of_one_law_is_what_was_known_of_it(form, models, median, high):
    result = klom(drawn(models, 2000), drawn(models, 2000, 1), form)
    assert np.median(result) == pytest.approx(median, rel=0.3)
    assert np.quantile(result, 0.95) == pytest.approx(high, rel=0.3)


def test_too_few_models_zeros_of_their_own_and_what_cannot_be_trained_often_are_refused(case):
    assert_refused("at least 100 models", klom, drawn(99, 2), drawn(100, 2), BINS)
    words = "at least 20 models of each kind, and there are 19"
    assert_refused(words, klom, drawn(20, 2), drawn(19, 2))
    assert not too_few_models(GAUSSIAN, 20)
    assert [room.nats(value) for value in (12.34, 0.123)] == ["12 nats", "0.12 nats"]
    words = "at least 100 models.*Choose more models, or the Ga"
    assert_refused(words, KLoM(form=BINS), AfterCase(case, WAY))
    assert "other zeros" in KLoM.unmet(AfterCase(case, PruneFirst()))
    odd = replace(case, recipe=replace(RECIPE, width=2.0))
    assert "dozens of networks" in KLoM.unmet(AfterCase(odd, WAY))
    assert not KLoM.unmet(AfterCase(case, WAY))
    assert KLoM.unmet(case) == "it needs a model, what it is to forget, and how."


WAY = FineTune(epochs=1)


@pytest.fixture(scope="module")
def case():
    return class_case(recipe=RECIPE)


@pytest.fixture(scope="module")
def klom_result(case):
    return answer(KLoM(images=30), AfterCase(case, WAY))


def test_every_number_is_that_of_models_made_by_hand(case, klom_result):
    points, data = klom_result["points"], case.data
    rows = data.places(points["id"])
    labels = data.labels[rows]
    originals = train_part(case, ALL, 0)
    cases = (
        replace(case, model=model, seed=seed)
        for seed, model in enumerate(models_of(originals, case.model.name))
    )
    unlearned = [rebuilt(answer(WAY, seed_case)["model"]) for seed_case in cases]
    after = margins(np.stack([outputs(m, data, rows).numpy() for m in unlearned]), labels)
    oracles, others = (
        margins(logits_of(train_part(case, STAYS, part))[:, rows], labels) for part in (0, 1)
    )
    before = margins(logits_of(originals)[:, rows], labels)
    for name, values in (("nothing done", before), ("unlearned", after), ("noise", others)):
        np.testing.assert_allclose(points[name], klom(values, oracles), atol=1e-4)
    for number, group in enumerate(("forget", "retain", "test")):
        part = points["unlearned"][points["group"] == number]
        summary = klom_result["summary"]
        assert summary.cell(group, "unlearned, median") == pytest.approx(np.median(part))
        assert summary.cell(group, "unlearned, 95 %") == pytest.approx(np.quantile(part, 0.95))
    np.testing.assert_allclose(klom_result["margins"]["unlearned 3"], after[2], atol=1e-4)
    middle, nothing, noise = (
        room.nats(float(np.median(points[name][points["group"] == 0])))
        for name in ("unlearned", "nothing done", "noise")
    )
    assert KLoM().finding(AfterCase(case, WAY), klom_result) == (
        f"On the middle forgotten image, FT is {middle} from models that never saw it (nothing "
        f"done: {nothing}; noise: {noise})."
    )


def test_doing_nothing_is_the_originals_and_retraining_is_noise(case, klom_result):
    nothing = answer(KLoM(images=30), AfterCase(case, NoOp()))["points"]
    np.testing.assert_allclose(nothing["unlearned"], nothing["nothing done"], atol=1e-4)
    before = klom_result["points"]["nothing done"]
    np.testing.assert_allclose(nothing["nothing done"], before, atol=1e-4)
    again = answer(KLoM(images=30), AfterCase(case, Retrain()))["summary"]
    noise, middle, before = (
        again.cell("forget", name)
        for name in ("noise, 95 %", "unlearned, median", "nothing done, median")
    )
    assert middle < min(max(2 * noise, 0.5), before / 5)


@pytest.mark.slow  # test_matching.py has one model say what its oracle says
def test_oracle_matching_comes_near_to_the_noise(case):
    table = answer(KLoM(images=30), AfterCase(case, OracleMatching()))["summary"]
    before = table.cell("forget", "nothing done, median")
    assert table.cell("forget", "unlearned, median") < 0.2 * before


def test_what_is_there_of_more_models_is_handed_over_and_is_that_of_fewer(
    case, klom_result, monkeypatch
):
    reports, places = [], {}

    def unlearn(method, question, progress):
        for done in (0.0, 1.0):
            progress(done, f"{done}")
        return answer(method, question)

    def listen(done, words="", partial=None):
        reports.append(partial)
        places[words] = done

    monkeypatch.setattr(room, "answer", unlearn)
    KLoM(models=40, images=30)(AfterCase(case, WAY), listen)
    assert places["unlearning model 21 of 40: 0.0"] == pytest.approx(0.5 + 0.6 / 2)
    assert places["unlearning model 21 of 40: 1.0"] == pytest.approx(0.5 + (0.6 + 0.4 / 20) / 2)
    first, last = [report for report in reports if report]
    np.testing.assert_allclose(first["points"]["unlearned"], klom_result["points"]["unlearned"])
    assert len(first["margins"].order) == 80
    assert len(last["margins"].order) == 160
    assert last["cost"]["models"][0] == 40
