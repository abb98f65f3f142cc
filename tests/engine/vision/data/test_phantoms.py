"""A phantom's truth is exact: outside what the lesion touches, image and twin are one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi

from engine.core.errors import BadSetting
from engine.vision.data.brain import FIELD, template
from engine.vision.data.dataset import SPLITS
from engine.vision.data.lesions import COMPACT, DIFFUSE, KINDS, NONE, RING, largest_piece
from engine.vision.data.masks import boxes
from engine.vision.data.phantoms import Phantoms

COUNT = 160


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BLINDSPOT_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="module")
def data(home):
    return Phantoms(count=COUNT).make()


def test_each_class_has_as_many_slices_and_a_patient_lies_in_one_split(data):
    assert data.classes == ("none", "compact", "ring", "diffuse") == KINDS
    assert np.bincount(data.labels).tolist() == [COUNT // 4] * 4
    for patient in np.unique(data.truth["group"]):
        rows = data.truth["group"] == patient
        assert rows.sum() == 10
        assert len(np.unique(data.split[rows])) == 1
    assert all(len(data.rows(split)) for split in SPLITS)


def test_image_and_twin_differ_where_a_lesion_is(data):
    assert ((data.images == data.truth["twin"]).all((1, 2, 3)) == (data.labels == NONE)).all()
    assert (data.truth["mask"].any((1, 2)) == (data.labels != NONE)).all()
    gap = np.abs(data.images[:, 0].astype(int) - data.truth["twin"][:, 0])
    for label in (COMPACT, RING, DIFFUSE):
        rows = data.labels == label
        mask = data.truth["mask"][rows]
        assert gap[rows][mask].mean() > 4 * gap[rows][~mask].mean()
    for row in np.flatnonzero(data.labels == COMPACT):  # up to 9.5 mm: 28.5 mm, or 14 px, of push
        away = ndi.distance_transform_edt(~data.truth["mask"][row])
        assert gap[row][away > 17].max() == 0  # same patient, same noise: to the bit


def test_lesions_look_like_their_kind_and_masks_are_of_its_size(data):
    images, twins, masks = data.images[:, 0], data.truth["twin"][:, 0], data.truth["mask"]
    change = images.astype(int) - twins

    def mean(label, chosen):
        return change[data.labels == label][chosen[data.labels == label]].mean()

    inner = np.stack([ndi.binary_erosion(mask, iterations=2) for mask in masks])
    assert mean(COMPACT, masks) > 40
    assert mean(RING, masks & ~inner) > 40
    assert mean(RING, inner) < -10
    assert mean(DIFFUSE, masks) < -20
    assert mean(RING, data.truth["oedema"]) < -5
    areas = data.truth["mask"].sum((1, 2)) * (FIELD / data.side) ** 2
    assert [areas[data.labels == label].mean() for label in (COMPACT, RING, DIFFUSE)] == (
        pytest.approx([170, 500, 770], rel=0.25)  # mm²
    )
    for label in (COMPACT, DIFFUSE):
        assert all(ndi.label(mask)[1] == 1 for mask in data.truth["mask"][data.labels == label])
    assert data.images[:, 0][data.truth["mask"]].mean() > 20
    piece, islands = np.zeros((2, 12, 12), np.bool_)
    piece[4:7, 4:7] = islands[0, :3] = islands[11, 5] = True  # before it and behind it
    assert np.array_equal(largest_piece(piece | islands), piece)


@pytest.mark.parametrize(
    ("index", "kind", "mean", "inside", "size", "around"),
    [
        (8, NONE, 54.892036, None, 0, 0),
        (9, COMPACT, 58.736979, 210.367347, 49, 33),
        (10, RING, 56.536241, 145.536585, 82, 30),
        (11, DIFFUSE, 46.896593, 97.474320, 331, 0),
        (13, COMPACT, 46.978299, 205.5, 24, 7),
        (14, RING, 54.232639, 174.647059, 85, 67),
        (15, DIFFUSE, 55.791233, 105.936508, 63, 0),
    ],
)
def test_slices_are_those_that_the_shipped_models_learned_from(
    index, kind, mean, inside, size, around
):
    """Else their weights and every kept answer are of other pictures under the same name."""
    result = Phantoms().slice(index)
    assert result.kind == kind
    assert result.image.mean() == pytest.approx(mean, abs=2e-3)
    assert (result.mask.sum(), result.oedema.sum()) == (size, around)
    assert inside is None or result.image[result.mask].mean() == pytest.approx(inside, abs=0.05)


@pytest.mark.parametrize(("spacing", "count"), [(30.0, 5), (44.0, 4), (50.0, 4)])
def test_a_volume_reaches_the_last_height_or_the_one_nearest_to_it(spacing, count):
    """From −46 to 86 mm: 74 is the last of 30 mm, 86 of 44 and, half a step beyond, 104 of 50."""
    assert Phantoms(side=48).volume(3, NONE, spacing).voxels.shape[2] == count


@settings(max_examples=12, deadline=None)
@given(index=st.integers(0, COUNT - 1))
def test_a_slice_made_alone_is_the_one_made_among_many(data, index):
    alone = Phantoms().slice(index)  # of a set of another size
    assert (alone.image == data.images[index, 0]).all()
    assert (alone.mask == data.truth["mask"][index]).all()
    assert (alone.twin == data.truth["twin"][index, 0]).all()


def test_another_seed_gives_other_patients_and_what_was_made_is_read_from_the_disk(
    data, monkeypatch
):
    assert (Phantoms(seed=1).slice(1).image != data.images[1, 0]).mean() > 0.3

    def never(self, progress):
        raise AssertionError("made again")

    monkeypatch.setattr(Phantoms, "arrays", never)
    assert Phantoms(count=COUNT).make().fingerprint == data.fingerprint
    with pytest.raises(AssertionError, match="made again"):
        Phantoms(count=COUNT, seed=3).make()


def test_contrast_size_and_shift_do_what_they_say():
    plain, faint, gone = (Phantoms(contrast=c).slice(2) for c in (1.0, 0.5, 0.0))
    change = [np.abs(s.image.astype(int) - s.twin)[plain.mask] for s in (plain, faint, gone)]
    assert change[0].mean() > 1.5 * change[1].mean() > 1.5 * change[2].mean()
    assert (plain.twin == gone.twin).all()
    recipes = Phantoms(size=0.5), Phantoms(size=1.5)
    small, large = (sum(r.slice(i).mask.sum() for i in range(1, 41, 4)) for r in recipes)
    assert large > 5 * small
    usual, shifted = Phantoms().slice(0).image, Phantoms(shift=1.0).slice(0).image
    assert shifted[:8, :8].std() > 1.5 * usual[:8, :8].std()  # more noise in the air


@pytest.mark.parametrize("side", [48, 64, 128])
def test_other_sides_show_the_same_head(side):
    small = Phantoms(side=side).slice(0).image
    assert small.shape == (side, side)
    assert (small > 60).mean() == pytest.approx((Phantoms().slice(0).image > 60).mean(), abs=0.05)


def test_a_volume_has_one_lesion_its_twin_elsewhere_and_lies_where_its_affine_says():
    volume = Phantoms().volume(3, RING, spacing=3.0)
    side = 96
    assert volume.voxels.shape == volume.mask.shape == (side, side, 45)
    assert ndi.label(volume.mask)[1] == 1
    assert 4 <= volume.mask.any((0, 1)).sum() <= 12  # slices of 3 mm for a radius of 9 to 16 mm
    assert (volume.voxels != volume.twin)[volume.mask].mean() > 0.9
    volume = Phantoms().volume(1, COMPACT, spacing=3.0)
    away = ndi.distance_transform_edt(~volume.mask.any((0, 1)))
    distant = away > 11  # slices: a radius of up to 9.5 mm pushes up to 28.5 mm
    assert distant.sum() > 5
    assert (volume.voxels[..., distant] == volume.twin[..., distant]).all()
    volume = Phantoms().volume(0, NONE)
    places = np.argwhere(volume.voxels > 60) @ volume.affine[:3, :3].T + volume.affine[:3, 3]
    brain = template().flat[:, 4].reshape(template().shape) > 0.5
    known = np.argwhere(brain) * 2.0 + template().origin
    assert places.mean(0) == pytest.approx(known.mean(0), abs=12)
    assert places.min(0)[1] == pytest.approx(known.min(0)[1], abs=15)  # the back of the head
    assert volume.affine[2, 2] == 4


def test_boxes_hold_the_mask_and_nothing_is_smaller(data):
    masks = data.truth["mask"]
    for mask, (top, left, bottom, right) in zip(masks, boxes(masks), strict=True):
        if not mask.any():
            assert top == left == bottom == right == -1
            continue
        inside = mask[top:bottom, left:right]
        assert inside.sum() == mask.sum()
        assert all(edge.any() for edge in (inside[0], inside[-1], inside[:, 0], inside[:, -1]))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"count": 20000, "side": 256}, "at 256 px choose at most 1525 slices"),
        *(({name: value}, "Brain phantoms") for name, value in (("count", 5), ("side", 4000))),
        *(({name: -1}, "Brain phantoms") for name in ("contrast", "seed")),
    ],
)
def test_a_setting_out_of_range_is_named(wrong, words):
    with pytest.raises(BadSetting, match=words):
        Phantoms(**wrong)


def test_the_first_slices_are_at_hand_and_are_those_of_the_whole(empty_home):
    whole = Phantoms(count=210)
    assert not whole.at_hand()
    first = whole.first()
    assert first.at_hand()
    phantoms = whole.make()
    assert whole.at_hand()
    assert (first.make().images == phantoms.images[: first.count]).all()
