"""NOVA's format: boxes lie where the images have them, and what is odd is a sentence."""

import numpy as np
import pytest

from engine.core.errors import BadData
from engine.vision.data.nova import REST, UNSAID, kind_labels, read_nova
from tests.engine.vision.data import nova_files as made
from tests.hostile.archives import zipped

WIDE, TALL = (60, 120), (150, 90)


def images():
    """A wide, a tall, a square and a colored image, each with a bright box; and their rows."""
    rng, rows, result = np.random.default_rng(0), [], []
    for at, shape in enumerate((WIDE, TALL, (80, 80), (*WIDE, 3))):
        image = rng.integers(10, 40, shape).astype(np.uint8)
        x, y, width, height = 12 + at, 20, 30, 25
        image[y : y + height, x : x + width] = 240
        result.append(image)
        boxes = [made.box(x, y, width, height), made.box(0, 0, 9, 9, "rater 1")]
        rows.append(made.row(at, boxes, kind=("glioma", "cyst", "glioma", "glioma")[at]))
    rows[2]["bboxes"].append(made.box(50, 60, 20, 10))
    result[2][60:70, 50:70] = 240
    return rows, result


def bright(data, row):
    """Where an image is bright, as shares of the sides: left, top, right, bottom."""
    rows, columns = np.nonzero(data.images[row, 0] > 140)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) / data.side


def test_boxes_lie_where_the_images_are_bright_whatever_their_shape():
    rows, pictures = images()
    nova = read_nova(zipped(made.files(rows, pictures)), "nova.zip", side=120)
    data, boxes = nova.data, nova.data.truth["boxes"]
    assert data.images.shape == (4, 3, 120, 120)
    assert not nova.skipped
    for row in (0, 1, 3):
        left, top, width, height = boxes[row, 0]
        ends = [left, top, left + width, top + height]
        np.testing.assert_allclose(ends, bright(data, row), atol=1.5 / 120)
        assert np.isnan(boxes[row, 1]).all()
    assert np.isfinite(boxes[2]).all()  # two gold boxes; raters' boxes count nowhere
    assert (data.images[0, :, :28].max(), data.images[1, :, :, :22].max()) == (0, 0)  # padded
    assert set(data.split.tolist()) == {2}
    assert (data.classes, data.labels.tolist()) == (("glioma", REST), [0, 1, 0, 0])


def test_a_folder_and_texts_of_json_give_the_same_and_nothing_of_patients_is_kept(tmp_path):
    rows, pictures = images()
    whole = read_nova(zipped(made.files(rows, pictures)), "nova.zip", side=64).data
    made.write(tmp_path, made.files(made.as_json(rows), pictures))
    assert read_nova(tmp_path, side=64).data.fingerprint == whole.fingerprint
    assert "SECRET" not in repr(whole) + repr(whole.card)


def test_images_that_are_missing_broken_or_too_small_for_their_box_are_left_out_with_the_reason():
    rows, pictures = images()
    rows[3]["bboxes"] = [made.box(100, 10, 60, 10)]
    files = made.files(rows, pictures)
    del files["Nova/images/case0000_001.png"]
    files["Nova/images/case0001_001.png"] = b"no picture"
    nova = read_nova(zipped(files), "nova.zip", side=64)
    assert nova.data.ids.tolist() == [2]
    paths = [rows[at]["image_path"] for at in (0, 1, 3)]
    assert [skipped_file.file for skipped_file in nova.skipped] == paths
    assert nova.skipped[0].reason == "It is not there."
    assert nova.skipped[2].reason == "A box does not lie within its 120 × 60 px."
    assert "3 images could not be read" in nova.data.card.about


def test_frequent_kinds_have_a_name_and_the_others_are_one():
    labels, classes = kind_labels(["b"] * 3 + ["a"] * 5 + ["rare"] + [" "] * 4 + ["x" * 99] * 3)
    assert classes == ("a", UNSAID, "b", "x" * 60, REST)
    names = [classes[label] for label in labels[[0, 3, 8, 9, 13]]]
    assert names == ["b", "a", REST, UNSAID, "x" * 60]
    assert len(kind_labels([f"{at % 40}" for at in range(200)])[1]) == 13
    assert kind_labels(["\x00\x01"] * 3)[1] == (UNSAID,)
    assert kind_labels(["all"] * 3 + [REST] * 3 + ["rare"])[1] == ("“all”", f"“{REST}”", REST)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (zipped({"a.png": b""}), r"has no tables \(\*.parquet\)"),
        (zipped({"a.parquet": b"", "b.parquet": b""}), "has 2 tables"),
        (made.with_table(b"nothing at all"), "is no Parquet table"),
        (made.with_table(made.table([made.row(0, [])])[:-40]), "is no Parquet table"),
        (made.with_table(made.table([{"image_path": "a"}])), "no column “bboxes”"),
        (made.with_table(made.many_rows(5_000_000)), "more than 20,000 rows"),
        (made.odd_row(bboxes=[made.box(1, 1, -2, 2)]), "width and height above 0"),
        (made.odd_row(bboxes=[made.box(1, float("nan"), 2, 2)]), "no four numbers"),
        (made.odd_row(bboxes=[made.box(1, 1, 2, 2)] * 51), "51 boxes"),
        (made.odd_row(bboxes="[" * 9000), "should be JSON"),
        (made.odd_row(bboxes=7), "should be a list of boxes"),
        (made.odd_row(meta="x" * 30_000), "more than 20,000 characters"),
        (made.odd_row(image_path="../../etc/passwd"), "reaches outside the folder"),
        (made.odd_row(image_path="images/other.png"), "It is not there"),
        (b"no zip", "is not a zip archive"),
    ],
)
def test_what_is_odd_is_a_sentence(content, says):
    with pytest.raises(BadData, match=says) as caught:
        read_nova(content, "nova.zip")
    assert str(caught.value).endswith(".")


def test_a_page_that_unpacks_to_more_than_the_reader_may_hold_ends_in_a_sentence():
    row = made.row(0, [made.box(1, 1, 2, 2)], kind="x" * 300_000_000)
    packed = made.table([row], compression="zstd", write_statistics=False, use_dictionary=False)
    with pytest.raises(BadData, match="more memory than one file may"):
        read_nova(made.with_table(packed), "nova.zip")


def test_a_link_out_of_a_folder_is_not_followed(tmp_path):
    rows, pictures = images()
    made.write(tmp_path / "own", made.files(rows, pictures))
    (tmp_path / "secret.png").write_bytes(made.png(pictures[0]))
    inside = tmp_path / "own" / "Nova" / rows[0]["image_path"]
    inside.unlink()
    inside.symlink_to(tmp_path / "secret.png")
    assert read_nova(tmp_path / "own", side=64).skipped[0].reason == "It is not there."
