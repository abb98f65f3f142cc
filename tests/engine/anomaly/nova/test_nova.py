"""NOVA's protocol: its figures are those of maps and boxes made one image at a time."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage as ndi

from engine.anomaly import Conformal, FamiliarCase, LesionsCase, Nova, PatchCore
from engine.anomaly.nova import benchmark as nova
from engine.anomaly.nova import lesions as lesion_data
from engine.anomaly.nova.benchmark import ALL, PIXELS, SWAPPED
from engine.core.errors import BadData
from engine.evaluation.measures.boxes import ScoredBoxes, box_figures
from engine.evaluation.measures.segmentation import aupro, pixel_auroc
from engine.vision.data.nova import read_nova
from tests.engine.anomaly.localizers import cells
from tests.engine.vision.data import nova_files
from tests.hostile.archives import zipped

KINDS = ("none", "red", "dim")
PLACES = ((1, 1), (2, 4), (4, 2), (3, 3))


def lesions(count=12):
    """Images with air around them; of each kind of lesion every third one, with its mask."""
    pixels, masks = cells.images(count, seed=3), np.zeros((count, 32, 32), np.bool_)
    labels = np.arange(count) % 3
    for row in np.flatnonzero(labels):
        top, left = (4 * place for place in PLACES[row % 4])
        masks[row, top : top + 12, left : left + 12] = True
        pixels[row][:, masks[row]] = pixels[row][:, masks[row]] // 3 + 20
        if labels[row] == 1:
            pixels[row][0, masks[row]] = 255
    pixels[:, :, :, 28:] = 0  # air
    data = replace(cells.data(pixels, 0, mask=masks), name="lesions", classes=KINDS)
    return replace(data, labels=labels, ids=np.arange(count))


def normal(count=60):
    pixels = cells.images(count)
    pixels[:, :, :, 28:] = 0
    return cells.data(pixels, 20)


@pytest.fixture(scope="module")
def case():
    return LesionsCase(cells.model(cells.Rich), lesions(), normal())


@pytest.fixture(scope="module")
def result(case):
    return Nova()(case)


def map_of(case, image):
    """PatchCore's own map of an image (3, 32, 32) of bytes, 0 in the air."""
    pixels = torch.from_numpy((image / 255).astype(np.float32))
    values = PatchCore()(FamiliarCase(case.model, pixels, case.normal))["map"].values
    return np.where(image.max(0) > lesion_data.AIR, values, 0)


def boxes_of(values, threshold):
    """Left, top, width, height and highest value of each region, by its pixels."""
    labels, count = ndi.label(values > threshold, np.ones((3, 3)))
    results = []
    for at in range(1, count + 1):
        y, x = np.nonzero(labels == at)
        sides = np.array([x.min(), y.min(), np.ptp(x) + 1, np.ptp(y) + 1]) / 32
        results.append((*sides, values[labels == at].max()))
    return results


def pixels_alone(case):
    """Maps and threshold of how far each pixel is from what it is in the images fitted to."""
    gray = (case.normal.images / 255).mean(1)
    middle, spread = gray[:20].mean(0), gray[:20].std(0) + 0.02

    def maps(images):
        far = abs((images / 255).mean(1) - middle) / spread
        soft = ndi.gaussian_filter(far, PatchCore().blur / 100 * 32, axes=(1, 2))
        return np.where(images.max(1) > lesion_data.AIR, soft, 0).astype(np.float32)

    line = Conformal(maps(case.normal.images[20:]).max((1, 2)).astype(np.float64)).threshold(0.05)
    return maps(case.data.images), line


def test_every_figure_is_that_of_maps_and_boxes_made_one_image_at_a_time(case, result):
    data, table = case.data, result["table"]
    maps = np.stack([map_of(case, image) for image in data.images])
    peaks = [map_of(case, image).max() for image in case.normal.images[20:]]
    usual = Conformal(np.array(peaks)).threshold(0.05)
    ways = {SWAPPED: (np.roll(maps, -6, axis=0), usual), PIXELS: pixels_alone(case)}
    masks = data.truth["mask"]
    within = data.images.max(1) > lesion_data.AIR
    for row, indices in {
        ALL: np.arange(12),
        SWAPPED: np.arange(12),
        PIXELS: np.arange(12),
        "red": np.flatnonzero(data.labels == 1),
        "dim": np.flatnonzero(data.labels == 2),
        "none": np.flatnonzero(data.labels == 0),
    }.items():
        row_maps, threshold = ways.get(row, (maps, usual))
        boxes = [
            [at, *box] for at, i in enumerate(indices) for box in boxes_of(row_maps[i], threshold)
        ]
        flat = np.array(boxes, np.float64).reshape(-1, 6)
        known = [[box[:4] for box in boxes_of(1.0 * masks[i], 0.5)] for i in indices]
        truth = [np.array(boxes).reshape(-1, 4) for boxes in known]
        expected = box_figures(
            ScoredBoxes(flat[:, 0].astype(int), flat[:, 1:5], flat[:, 5].astype(np.float32)), truth
        )
        got = [table.cell(row, name) for name in nova.COLUMNS]
        assert got[:2] == [len(indices), sum(map(len, truth))]
        np.testing.assert_allclose(got[2:8], list(vars(expected).values()), atol=1e-6)
        assert got[9] == pytest.approx((row_maps[indices].max((1, 2)) > threshold).mean())
        if row == "none":
            assert np.isnan(got[8])
            continue
        hit = [masks[i].flat[row_maps[i].argmax()] for i in indices if masks[i].any()]
        some = row_maps[indices], masks[indices], within[indices]
        areas = [pixel_auroc(*some), aupro(*some)]
        np.testing.assert_allclose([got[8], *got[10:]], [np.mean(hit), *areas], atol=1e-5)


def test_lesions_are_found_and_another_image_s_map_finds_them_by_chance(case, result):
    table = result["table"]
    assert table.rows == (*KINDS, ALL, SWAPPED, PIXELS)
    assert table.cell("red", "pointing") == 1
    assert table.cell(ALL, "AUROC") > 0.9
    assert table.cell(SWAPPED, "AUROC") < table.cell(ALL, "AUROC") - 0.1
    words = Nova().finding(case, result)
    assert words.startswith(f"PatchCore boxes {table.cell(ALL, 'TP30'):.0f} of 8 lesions with")
    assert f"mAP@30 {table.cell(ALL, 'mAP@30'):.2f}, by another image's map" in words
    four_kinds = result | {"table": table.take([0, 2, 2, 1, 3, 4, 5])}
    hardest = f"hardest: red ({table.cell('red', 'mAP@30'):.2f})"
    assert hardest in Nova().finding(case, four_kinds)


def test_maps_of_random_numbers_find_nothing(case, monkeypatch):
    """The proof that the figures are the map's: take it away, and chance is left."""
    rng = np.random.default_rng(0)

    def noise(_self, distances, side):
        return rng.random((len(distances), side, side)).astype(np.float32)

    monkeypatch.setattr(PatchCore, "smooth", noise)
    table = Nova()(case)["table"]
    assert table.cell(ALL, "AUROC") == pytest.approx(0.5, abs=0.06)
    assert table.cell(ALL, "AUPRO") == pytest.approx(0.15, abs=0.08)
    assert table.cell(ALL, "mAP@30") < 0.05
    assert table.cell(ALL, "pointing") < 0.4


def test_air_counts_nowhere(case, result):
    """What lies in the air is changed, and no figure with it."""
    assert not lesion_data.heads(torch.zeros(2, 3, 8, 8)).any()
    ring = torch.zeros(1, 3, 8, 8)
    ring[:, :, 2:6, 2:6], ring[:, :, 3:5, 3:5] = 0.5, 0  # a dark cavity belongs to the head
    assert lesion_data.heads(ring).sum() == 16
    levels = torch.tensor([0, 12, 13, 255]) / 255  # 12 of 255 are air
    assert lesion_data.heads(levels.expand(1, 3, 4, 4))[0, 0].tolist() == [False, False, True, True]
    benchmark = lesion_data.benchmark(case, np.arange(12))
    noisy = np.where(benchmark.heads, 1.0, 9.0).astype(np.float32)
    maps = nova.in_heads(
        lambda pixels: noisy[: len(pixels)], benchmark.pixels, benchmark.heads, lambda *_: None
    )
    assert set(np.unique(maps)) == {0.0, 1.0}
    assert np.isfinite(result["table"].cell(ALL, "AUPRO"))


def test_a_file_in_the_benchmark_s_format_gives_the_table_of_its_boxes(case, result):
    data = lesions()
    rows = [
        nova_files.row(
            at,
            [nova_files.box(*(32 * np.array(box[:4]))) for box in boxes_of(1.0 * mask, 0.5)],
            kind=KINDS[label],
        )
        for at, (mask, label) in enumerate(zip(data.truth["mask"], data.labels, strict=True))
    ]
    images = list(data.images.transpose(0, 2, 3, 1))
    nova_data = read_nova(zipped(nova_files.files(rows, images)), "nova.zip", side=32).data
    assert set(nova_data.classes) == set(KINDS)
    answer = Nova()(replace(case, data=nova_data))
    table = answer["table"]
    assert table.rows[:3] == ("kind 1", "kind 2", "kind 3")  # no word of the file
    gray = answer["picture"].images
    maps = np.stack([map_of(case, image) for image in data.images])
    for picture, kind in zip(gray[0], answer["picture"].columns, strict=True):
        row = np.flatnonzero(nova_data.labels == int(kind[-1]) - 1)[0]
        assert picture[..., 0] == pytest.approx(255 * maps[row] / maps.max(), abs=0.51)
    is_gray = (gray[..., :1] == gray).all(-1)
    assert not is_gray.all()  # boxes
    assert (is_gray | np.isin(gray, [*nova.SOLID, *nova.DASHED]).all(-1)).all()
    exact = result["table"]
    for row in (*KINDS, ALL, PIXELS):
        table_row = f"kind {nova_data.classes.index(row) + 1}" if row in KINDS else row
        for name in nova.COLUMNS:
            expected = exact.cell(row, name)
            assert table.cell(table_row, name) == pytest.approx(expected, abs=1e-5, nan_ok=True)


def test_patients_of_the_images_that_are_asked_about_are_not_among_the_normal_ones():
    groups = np.arange(60) // 3
    known = replace(cells.data(cells.images(60), 30, group=groups), name="heads+healthy")
    test_data = replace(known, name="heads:contrast=0.5")
    rows = np.array([0, 4, 59])
    left = lesion_data.disjoint_normals(known, test_data, rows)
    assert set(left.truth["group"]) == set(range(20)) - {0, 1, 19}
    assert lesion_data.disjoint_normals(known, replace(test_data, name="others"), rows) is known


def test_another_image_s_map_is_of_another_patient_where_there_is_one():
    pixels, masks, groups = torch.zeros(6, 3, 8, 8), np.zeros((6, 8, 8), bool), [0, 0, 1, 0, 0, 1]
    some = lesion_data.Benchmark(pixels, masks, masks, [], np.zeros(6, np.int64), np.array(groups))
    assert (some.groups[lesion_data.of_others(some)] != some.groups).all()
    assert list(lesion_data.of_others(replace(some, groups=None))) == [3, 4, 5, 0, 1, 2]
    five = replace(some, pixels=pixels[:5], groups=None)
    assert list(lesion_data.of_others(five)) == [2, 3, 4, 0, 1]
    assert (lesion_data.of_others(replace(some, groups=np.zeros(6))) != np.arange(6)).all()


def test_each_part_of_a_mask_is_a_known_lesion_however_small_and_many():
    mask = np.zeros((96, 96), np.bool_)
    mask[4:90:8, 4:90:8] = True
    assert len(lesion_data.bounding_boxes(mask)) == 121
    assert lesion_data.bounding_boxes(mask)[0] == pytest.approx(np.array([4, 4, 1, 1]) / 96)
    assert lesion_data.bounding_boxes(np.zeros((8, 8), np.bool_)).shape == (0, 4)


def test_a_box_covers_its_pixels_and_at_least_one():
    # left 1.2 to 3.2, top 3.7 to 7.8; smaller than a pixel; a whole row
    boxes = np.array([[1.2, 3.7, 2.0, 4.1], [2.6, 5.4, 0.2, 0.3], [0.0, 6.0, 8.0, 1.0]]) / 8
    covered = [((4, 8), (1, 3)), ((5, 6), (3, 4)), ((6, 7), (0, 8))]
    for box, (rows, columns) in zip(boxes, covered, strict=True):
        expected = np.zeros((8, 8), np.bool_)
        expected[slice(*rows), slice(*columns)] = True
        assert np.array_equal(lesion_data.box_masks(box[None], 8), expected)
    assert lesion_data.box_masks(boxes, 8).sum() == 8 + 1 + 6


def test_normal_images_with_lesions_are_left_out_with_a_note(case):
    sick = np.zeros((60, 32, 32), np.bool_)
    sick[::3, 4, 4] = True
    images = case.normal.images.copy()
    images[::3] = 255 - images[::3]
    clean = case.normal.take(np.flatnonzero(~sick.any((1, 2))))
    mixed = replace(case.normal, images=images, truth={"mask": sick})
    result = Nova()(replace(case, normal=mixed))
    expected = Nova()(replace(case, normal=clean))
    np.testing.assert_array_equal(result["table"].values, expected["table"].values)
    assert "20 of 60 normal images have lesions" in result["notes"].labels[0]
    boxes = np.full((60, 1, 4), np.nan)
    boxes[:3] = 0.5
    assert len(lesion_data.without_lesions(replace(case.normal, truth={"boxes": boxes}))[0]) == 57
    with pytest.raises(BadData, match="each of the normal images"):
        lesion_data.without_lesions(replace(mixed, truth={"mask": sick | True}))
    assert not lesion_data.without_lesions(case.normal)[1]


def test_a_rate_that_no_threshold_can_promise_and_what_cannot_be_measured_are_said(case, result):
    assert "Too few" not in Nova().finding(case, result)
    strict = Nova(alpha=0.01)
    answer = strict(case)
    assert "Too few normal images for a threshold at 1 %" in strict.finding(case, answer)
    assert "no false-alarm rate below" in answer["notes"].labels[-1].lower()
    healthy = replace(case.data, truth={"mask": np.zeros((12, 32, 32), np.bool_)})
    with pytest.raises(BadData, match="one with a lesion"):
        Nova()(replace(case, data=healthy))
    assert "masks or boxes" in Nova.unmet(replace(case, data=replace(case.data, truth={})))


@pytest.mark.parametrize(
    ("dash", "lines"),
    [
        (0, ".######.|.#....#.|.#....#.|.######."),
        (2, "...##...|......#.|.#....#.|.#..##.."),
        (3, ".#...##.|......#.|........|..###..."),
    ],
)
def test_a_border_is_drawn_whole_or_in_dashes(dash, lines):
    image = np.zeros((8, 8, 3), np.uint8)
    nova.framed(image, np.array([1, 1, 6, 4]) / 8, (9, 8, 7), dash)
    assert {*map(tuple, image[image.any(-1)])} == {(9, 8, 7)}
    assert "|".join("".join(".#"[at] for at in row) for row in image.any(-1) * 1) == "|".join(
        ("........", lines, *["........"] * 3)
    )


def test_the_picture_has_both_sorts_of_boxes_and_the_area_below_a_curve_is_its_precision(
    case, result
):
    for kind, shown in enumerate(result["picture"].images[0], 1):
        row = np.flatnonzero(case.data.labels == kind)[0]
        assert np.array_equal(shown, case.data.images[row].transpose(1, 2, 0))
    image = result["picture"].images[1, 0]
    assert result["picture"].rows == ("image", "boxes")
    assert result["picture"].columns == KINDS[1:]
    assert (image == nova.SOLID).all(-1).any()  # found boxes
    assert (image == nova.DASHED).all(-1).any()  # known ones
    curve, table = result["curve"], result["table"]
    assert curve["recall"] == pytest.approx(np.arange(1, 9) / 8)  # eight lesions
    for row in (ALL, SWAPPED, PIXELS):
        assert curve[row].mean() == pytest.approx(table.cell(row, "mAP@30"))
        assert (np.diff(curve[row]) <= 0).all()
        assert (curve[row] > 0).sum() == table.cell(row, "TP30")


def test_the_boxes_of_each_image_are_its_lesions_and_its_map_s_regions(case, result):
    boxes, usual = result["boxes"], result["figures"]["threshold"][0]
    firsts = [int(np.flatnonzero(case.data.labels == kind)[0]) for kind in (1, 2)]
    for at, row in enumerate(firsts):
        image_boxes = boxes.take(np.flatnonzero(boxes["image"] == at))
        sides = image_boxes.select(("left", "top", "width", "height")).values
        known = np.array([box[:4] for box in boxes_of(1.0 * case.data.truth["mask"][row], 0.5)])
        np.testing.assert_allclose(sides[image_boxes["known"] == 1], known, atol=1e-6)
        expected = sorted(boxes_of(map_of(case, case.data.images[row]), usual), key=lambda o: -o[4])
        is_found = image_boxes["known"] == 0
        np.testing.assert_allclose(sides[is_found], [box[:4] for box in expected], atol=1e-6)
        for box, overlap in zip(sides[is_found], image_boxes["overlap"][is_found], strict=True):
            most = max(of_squares(box, known_box) for known_box in known)
            assert overlap == pytest.approx(most, abs=1e-6)
        assert np.isnan(image_boxes["overlap"][~is_found]).all()


def of_squares(box, other):
    """Intersection over union of two boxes, by the pixels of 32 × 32 that they cover."""
    first, second = (lesion_data.box_masks(np.array([square]), 32) for square in (box, other))
    return (first & second).sum() / (first | second).sum()
