"""LST as a method: what its answer holds, what it refuses, and what a cancel leaves."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from engine.attribution.lst import LEVEL_SETS, PUBLISHED, WALKS, log
from engine.attribution.lst.distance import largest_change
from engine.attribution.lst.method import LST, batch_of_one
from engine.attribution.lst.settings import check_images
from engine.attribution.lst.traversal import Traversal, WalkRules
from engine.core.errors import BlindspotError, Cancelled, DoesNotFit
from engine.evaluation.measures.likeness import ssim
from engine.vision.case import PairCase
from engine.vision.case.target import Target
from tests import tiny
from tests.engine.attribution.lst import slowly

SHORT = {"eta": 0.05, "steps": 40, "frames": 9}


def figures(result):
    table = result["figures"]
    return dict(zip(table.columns, table.values[0], strict=True))


@pytest.fixture(params=[tiny.cnn, tiny.vit, lambda: tiny.mlp(16)], ids=["cnn", "vit", "mlp"])
def case(request):
    return tiny.pair_case(request.param())


def test_the_curves_are_those_of_the_images_that_are_kept(case):
    result = LST(**SHORT)(case)
    path, end = result["path"], result["end"]
    assert path.frames.dtype == np.float16
    assert path.steps.tolist() == [0, 5, 10, 15, 20, 25, 30, 35, 40]
    np.testing.assert_allclose(path.frames[-1], end.frames[0], atol=5e-4)
    source, target = case.source.image.numpy(), case.others[0].numpy()
    assert 0 < np.abs(path.frames[0] - source).max() <= 2 / 255 + 5e-4
    label = case.source.target.index
    probabilities = case.model.logits(torch.tensor(end.frames)).softmax(1)[0].numpy()
    other = int(case.model.logits(case.others[0][None]).argmax())
    for name, of, to in (("source", label, source), ("target", other, target)):
        far = np.sqrt(np.square(end.frames[0] - to).mean())
        for curve, value in ((f"{name} confidence", probabilities[of]), (f"rmse to {name}", far)):
            assert result[curve].y.shape == (41,)
            assert result[curve].y[-1] == pytest.approx(value, rel=1e-3, abs=1e-5)
        rmse = np.sqrt(np.square(path.frames.astype(np.float32) - to).mean((1, 2, 3)))
        assert result[f"rmse to {name}"].y[path.steps] == pytest.approx(rmse, abs=5e-4)
    np.testing.assert_array_equal(path.values, result["source confidence"].y[path.steps])
    for curve in ("source confidence", "accepted", "rmse to target"):
        assert result[curve].x.tolist() == list(range(41))
    assert result["accepted"].y[0] == 1  # the start counts as moved
    best = np.argsort(-probabilities)
    assert result["top"].values[-1] == pytest.approx(probabilities[best[:4]], rel=1e-3)
    assert result["top"].classes[-1].tolist() == best[:4].tolist()
    assert result["top"].labels[-1] == tuple(case.model.labels[i] for i in best[:4])
    assert case.model.labels[label] in result["source confidence"].y_label


def test_the_figures_say_what_the_curves_and_the_end_say(case):
    result = LST(**SHORT, delta=0.01)(case)
    readings, end = figures(result), result["end"].frames[0]
    confidence, accepted = result["source confidence"].y, result["accepted"].y
    target = case.others[0].numpy()
    p0 = float(case.model.logits(case.source.image[None]).softmax(1)[0, case.source.target.index])
    assert readings["source's confidence"] == pytest.approx(p0, rel=1e-5)
    assert readings["lowest confidence"] == confidence.min()
    assert readings["end's confidence"] == confidence[-1] != confidence[1]
    for name, of in (
        ("end's confidence in the target's class", "target confidence"),
        ("RMSE to target", "rmse to target"),
        ("RMSE to source", "rmse to source"),
    ):
        assert readings[name] == result[of].y[-1] != result[of].y[1]
    assert readings["steps"] == 40
    source = case.source.image.numpy()
    assert readings["L∞ to source"] == pytest.approx(np.abs(end - source).max(), rel=1e-5)
    assert readings["L∞ to target"] == pytest.approx(np.abs(end - target).max(), rel=1e-5)
    assert readings["accepted steps"] == pytest.approx(accepted[1:].mean())
    rejected = np.flatnonzero(accepted == 0)
    assert np.isnan(readings["first rejected step"]) == (len(rejected) == 0)
    assert not len(rejected) or readings["first rejected step"] == rejected[0]
    window = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    similar = structural_similarity(end, target, data_range=1, channel_axis=0, **window)
    assert readings["SSIM to target"] == pytest.approx(similar, abs=1e-4)
    similarity = ssim(torch.tensor(end), case.source.image)
    assert readings["SSIM to source"] == pytest.approx(similarity, abs=1e-4)
    assert -1 < readings["SSIM to source"] < 1


def test_similarity_differences_and_the_start_noise_are_those_of_their_definitions():
    image = torch.rand(3, 11, 12)
    assert ssim(image, image) == pytest.approx(1)
    assert np.isnan(ssim(image[:, :10], image[:, :10]))
    assert np.isnan(ssim(image[:, :, :10], image[:, :, :10]))
    first, second = torch.zeros(3, 2, 2), torch.zeros(3, 2, 2)
    first[2, 0, 1], second[0, 1, 1] = 0.25, 0.5
    assert largest_change(first, second) == largest_change(second, first) == 0.5
    case = tiny.pair_case(tiny.mlp()).source
    unit = torch.rand(case.image.shape, generator=case.generator())
    torch.testing.assert_close(LST(noise=6).start_noise(case), (unit - 0.5) * 6 / 255)
    assert not LST(noise=0).start_noise(case).any()


def test_a_walk_that_stops_at_the_first_rejected_step_ends_there_with_its_last_image():
    case = tiny.pair_case(tiny.mlp(scale=1.0))
    stays = {"eta": 0.1, "steps": 60, "frames": 4, "epsilon": None, "delta": 0.05, "noise": 0}
    ends, stays = LST(**stays, stop="first")(case), LST(**stays)(case)
    last = ends["path"].steps[-1]
    assert 1 < last < 60
    assert figures(ends)["first rejected step"] == last == figures(ends)["steps"]
    assert ends["accepted"].y[1:].tolist() == [1.0] * (last - 1) + [0.0]
    assert figures(ends)["accepted steps"] == pytest.approx((last - 1) / last)
    confidence = ends["source confidence"].y
    assert figures(ends)["end's confidence"] == confidence[-1]
    assert figures(ends)["lowest confidence"] == confidence.min()
    assert len(confidence) == last + 1 == len(ends["accepted"].x)
    assert stays["path"].steps.tolist() == [0, 20, 40, 60]
    assert stays["accepted"].y[last:].max() == 0
    np.testing.assert_array_equal(stays["end"].frames, ends["end"].frames)


def test_images_are_kept_at_equal_distances_and_never_take_more_than_fifteen_megabytes(monkeypatch):
    """Thirds of 40 steps are 13.3 and 26.7; of 20, in five parts, 4, 8, 12 and 16."""
    case = tiny.pair_case(tiny.mlp())
    for steps, frames, stored_steps in ((40, 4, [0, 13, 27, 40]), (20, 6, [0, 4, 8, 12, 16, 20])):
        assert LST(steps=steps, frames=frames)(case)["path"].steps.tolist() == stored_steps
    monkeypatch.setattr(log, "LARGEST", 5 * 2 * 3 * 64)
    path = LST(**SHORT)(tiny.pair_case(tiny.mlp()))["path"]
    assert path.steps.tolist() == [0, 10, 20, 30, 40]
    assert path.frames.nbytes <= log.LARGEST
    monkeypatch.setattr(log, "LARGEST", 1)  # both ends always find room
    assert LST(**SHORT)(tiny.pair_case(tiny.mlp()))["path"].steps.tolist() == [0, 40]
    assert 48 * 2 * 3 * 224**2 <= 15_000_000


@pytest.mark.parametrize("when", [1, 3])
def test_the_figures_of_a_walk_that_is_stuck_are_those_up_to_its_step(when):
    """Rejected in its first step, or accepted twice and rejected then."""
    case = tiny.pair_case(tiny.mlp())
    walk = Traversal(case.model, *batch_of_one(case), WalkRules(0.05, None, 0.2))
    walk_log = log.Log(case, walk, 20, 4)
    for step in range(1, when + 1):
        walk_log.note(moved=step < when)
    readings = figures({"figures": walk_log.figures()})
    assert readings["accepted steps"] == pytest.approx((when - 1) / when)
    assert readings["first rejected step"] == readings["steps"] == when
    assert not np.isnan(list(readings.values())[:7]).any()
    walk_log.stay(20)
    readings = figures({"figures": walk_log.figures()})
    assert readings["accepted steps"] == pytest.approx((when - 1) / 20)
    assert (readings["first rejected step"], readings["steps"]) == (when, 20)
    assert walk_log.result()["accepted"].y.tolist() == [1.0] * when + [0.0] * (21 - when)


def test_a_walk_without_a_rejected_step_has_no_first_one_and_memory_changes_it():
    readings = figures(LST(**SHORT, epsilon=None, delta=0.5)(slowly.linear_pair()[0]))
    assert readings["accepted steps"] == 1
    assert np.isnan(readings["first rejected step"])
    case = tiny.pair_case(tiny.mlp(scale=1.0))
    on, off = (figures(LST(eta=0.1, epsilon=e, delta=0.05, noise=0)(case)) for e in (0.005, None))
    assert off["accepted steps"] < 0.9
    assert on["accepted steps"] > off["accepted steps"]
    assert on["RMSE to target"] < off["RMSE to target"]


@pytest.mark.parametrize("when", [1, 2, 7, 39])
def test_a_cancel_at_any_step_leaves_the_path_so_far(when):
    case = tiny.pair_case(tiny.mlp())
    whole, partials = LST(**SHORT)(case), []

    def stop(done, words="", partial=None):
        partials.append(partial)
        if len(partials) == when:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        LST(**SHORT)(case, stop)
    part = partials[-1]
    assert part["source confidence"].y.shape == (when + 1,)
    assert part["source confidence"].x.tolist() == list(range(when + 1))
    for name in log.CURVES:
        np.testing.assert_array_equal(part[name].y, whole[name].y[: when + 1])
    frame_count = len(part["path"].frames)
    assert frame_count == when // 5 + 1
    np.testing.assert_array_equal(part["path"].frames, whole["path"].frames[:frame_count])
    assert len(part["top"].values) == frame_count == len(part["path"].values)


def test_what_was_handed_over_never_changes_afterwards():
    case, partials = tiny.pair_case(tiny.mlp()), []

    def keep(done, words="", partial=None):
        partials.append((partial, partial["path"].frames.copy(), partial["accepted"].y.copy()))

    LST(**SHORT)(case, keep)
    for part, frames, accepted in partials:
        np.testing.assert_array_equal(part["path"].frames, frames)
        np.testing.assert_array_equal(part["accepted"].y, accepted)


def test_the_reading_changes_nothing_and_the_published_settings_are_settings():
    case = tiny.pair_case(tiny.mlp())
    read = replace(case.source, target=replace(case.source.target, reading="margin"))
    first, second = (LST(**SHORT)(asked) for asked in (case, replace(case, source=read)))
    np.testing.assert_array_equal(first["end"].frames, second["end"].frames)
    assert LST(**PUBLISHED).settings() | PUBLISHED == LST(**PUBLISHED).settings()
    assert all(kind(**{k: PUBLISHED[k] for k in PUBLISHED if hasattr(kind, k)}) for kind in WALKS)


@pytest.mark.parametrize("kind", LEVEL_SETS, ids=lambda kind: kind.name)
def test_what_cannot_be_walked_is_refused_in_a_sentence(kind):
    case = tiny.pair_case(tiny.mlp(), kind.targets[0])
    source, others = case.source, case.others
    source_class = source.target.index

    def asked(target=source.target, others=others):
        kind()(PairCase(replace(source, target=target), others))

    if kind.name != "Grid":  # every image's class is the one that is seen
        with pytest.raises(DoesNotFit, match=f"sees class {source_class} in the source, not class"):
            asked(Target((source_class + 1) % 4))
        with pytest.raises(DoesNotFit, match="no contrast"):
            asked(Target(source_class, (source_class + 1) % 4))
    with pytest.raises(BlindspotError, match="same image"):
        asked(others=(source.image.clone(), *others[1:]))
    with pytest.raises(DoesNotFit, match=r"Choose .* target"):
        asked(others=others * 13)
    with pytest.raises(BlindspotError, match="differ in size"):
        asked(others=(tiny.image(9),))


class OneClass(torch.nn.Module):
    def forward(self, images):
        return images.mean((1, 2, 3))[:, None]


def test_a_model_with_one_class_is_refused_in_a_sentence():
    case = tiny.pair_case(tiny.classifier(OneClass(), 8, "single"))
    with pytest.raises(BlindspotError, match="single has only one class"):
        LST()(case)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [((1, 1), "1 target image"), ((2, 2), "2 target images"), ((2, 5), "2 to 5")],
)
def test_how_many_targets_a_view_takes_is_said_in_words(wanted, words):
    case = tiny.pair_case(tiny.mlp(scale=1.0), targets=7)
    with pytest.raises(DoesNotFit, match=f"Choose {words} "):
        check_images(case, wanted)
