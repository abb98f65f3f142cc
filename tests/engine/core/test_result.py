"""A view turns to plain arrays and facts and back, whatever is in it, and cannot be written to."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from engine.core.keeping.packing import StoredAnswer, pack, unpack
from engine.core.result import (
    Checkpoint,
    Curve,
    HeatMap,
    Networks,
    Path,
    Pictures,
    Scores,
    Table,
    digest_arrays,
    distinct,
)

DTYPES = st.sampled_from([np.float32, np.float16, np.float64, np.int64, np.uint8, np.bool_])
SHAPES = array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
ARRAYS = DTYPES.flatmap(lambda dtype: arrays(dtype, SHAPES))
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)


def stored(views, record=None):
    """As they come back from the store."""
    header, data = pack(StoredAnswer(views, record or {}))
    return unpack(json.loads(json.dumps(header)), data)


@settings(max_examples=80, deadline=None)
@given(weights=st.dictionaries(NAMES, ARRAYS, max_size=4), words=NAMES)
def test_any_weights_and_words_come_back_from_the_store_as_they_were(weights, words):
    view = Checkpoint(weights, parent=words, made_by="family.Name", settings='{"a": 1}')
    again = stored({"model": view}, {"note": words})
    back = again.result["model"]
    assert again.record == {"note": words}
    assert back.facts() == view.facts()
    assert back.weights.keys() == weights.keys()
    for name, array in weights.items():
        assert back.weights[name].shape == array.shape
        assert back.weights[name].dtype == array.dtype
        assert np.array_equal(back.weights[name], array, equal_nan=array.dtype.kind == "f")


def test_names_of_views_that_begin_alike_are_kept_apart():
    sides = {"map": 2, "map2": 3, "map:2": 4}
    views = {name: HeatMap(np.eye(side), "logit", signed=False) for name, side in sides.items()}
    again = stored(views).result
    assert {name: len(view.values) for name, view in again.items()} == sides


def test_a_number_without_axes_keeps_having_none_and_every_number_counts_in_a_digest_of_16_bytes():
    assert Checkpoint({"seen": np.array(7)}, "", "", "{}").weights["seen"].shape == ()
    assert digest_arrays({"seen": np.array(7)}) != digest_arrays({"seen": np.array([7])})
    digest = digest_arrays({"a": np.array([1, 2])})
    assert len(bytes.fromhex(digest)) == 16
    assert digest == Checkpoint({"a": np.array([1, 2])}, "", "", "{}").digest
    assert digest_arrays({"a": np.array([1, 3])}) != digest


def test_numbers_of_numpy_can_be_written_as_json_whose_lists_become_tuples_again():
    view = Scores(np.array([1, 2], np.float32), ("cat", "dog"), "logit")
    back = Scores.build(view.arrays(), json.loads(json.dumps(view.facts())))
    assert back.labels == ("cat", "dog")
    view = HeatMap(np.zeros((1, 1), np.float32), "logit", signed=np.bool_(True))
    assert json.dumps(view.facts()) == '{"unit": "logit", "signed": true}'


def test_nobody_can_write_into_an_answer():
    curve = Curve(np.zeros(3, np.float32), np.ones(3, np.float32), "x", "y", "logit")
    with pytest.raises(ValueError, match="read-only"):
        curve.x[0] = 1
    assert curve.nbytes == 24
    weights = {"a": np.zeros(3, np.float32), 5: np.ones(2, np.float64)}
    view = Checkpoint(weights, "", "", "{}")
    assert list(view.weights) == ["a", "5"]
    with pytest.raises(ValueError, match="read-only"):
        view.weights["a"][0] = 1
    weights["a"][0] = 1  # whoever made the array may go on with it
    assert view.nbytes == 3 * 4 + 2 * 8


def test_names_of_weights_may_have_slashes():
    view = Checkpoint({"a/b/c": np.arange(2), "a": np.arange(3)}, "", "", "{}")
    assert list(view.arrays()) == ["weights/a/b/c", "weights/a"]
    back = Checkpoint.build(view.arrays(), view.facts())
    assert {name: len(array) for name, array in back.weights.items()} == {"a/b/c": 2, "a": 3}
    assert back.masks == {}


def test_the_digest_of_arrays_knows_names_types_and_shapes_but_no_order():
    first, second = np.arange(4, dtype=np.float32), np.arange(4, dtype=np.float64)
    assert digest_arrays({"a": first, "b": second}) == digest_arrays({"b": second, "a": first})
    others = [{"a": second, "b": first}, {"a": first.reshape(2, 2), "b": second}]
    others += [{"a": first, "c": second}, {"a": first, "b": second}]
    assert len({digest_arrays(other) for other in others}) == 4
    assert digest_arrays({"a": np.eye(2)[:, ::-1]}) == digest_arrays({"a": np.eye(2)[::-1]})


def test_columns_keep_their_order_and_units_through_the_store_and_in_a_file_that_sorts_arrays():
    table = Table.of({"z": ([1, 2], "px"), "a": ([0.5, np.nan], "share")}, ("x", "y"))
    back = stored({"table": table}).result["table"]
    assert back.facts() == table.facts()
    assert back.order == ("z", "a")
    assert back.units == ("px", "share")
    assert len(back) == 2
    assert back.cell("y", "z") == 2
    assert back["z"].dtype == table["z"].dtype
    np.testing.assert_array_equal(back["a"], table["a"])
    table = Table.of({"b": ([1], ""), "a": ([2], "")})
    arrays = dict(sorted(table.arrays().items()))
    assert list(Table.build(arrays, table.facts()).columns) == ["b", "a"]
    assert len(Table.of({"a": ([0, 0], "")}, notes=("x", ""))) == 2  # a note for each row


def test_rows_are_taken_in_the_order_of_their_places_with_their_names_and_notes():
    table = Table.of({"b": ([1, 2, 3], "px"), "a": ([4, 5, 6], "")}, "xyz", ("", "n", "m"))
    some = table.take([2, 0])
    assert (some["b"].tolist(), some["a"].tolist()) == ([3, 1], [6, 4])
    assert (some.rows, some.notes) == (("z", "x"), ("m", ""))
    assert (some.order, some.units) == (table.order, table.units)
    bare = Table.of({"b": ([1, 2, 3], "px")}).take([1])
    assert (bare["b"].tolist(), bare.rows, bare.notes) == ([2], (), ())


def test_images_of_a_walk_are_every_step_unless_it_is_told_which():
    frames, values = np.zeros((3, 3, 2, 2), np.float16), np.zeros(3, np.float32)
    assert Path(frames, values, "probability").steps.tolist() == [0, 1, 2]
    assert Path(frames, values, "probability", np.array([0, 5, 9])).steps.tolist() == [0, 5, 9]


def test_networks_are_one_checkpoint_for_each_card():
    weights = {"w": np.arange(6).reshape(2, 3), "b": np.arange(2)}
    both = Networks(weights, "lab.Train", "{}", ('{"parent": "p"}', "{}"))
    assert len(both) == 2
    assert [both[at].weights["w"].tolist() for at in (0, 1)] == [[0, 1, 2], [3, 4, 5]]
    assert (both[0].parent, both[1].parent, both[1].made_by) == ("p", "", "lab.Train")


def pictures(captions=()):
    images = np.random.default_rng(0).integers(0, 255, (2, 3, 8, 10, 3), dtype=np.uint8)
    return Pictures(images, ("before", "after"), ("a", "b", "c"), "Two rows.", "gray", captions)


@pytest.mark.parametrize("captions", ["", "123456"])
def test_pictures_come_back_from_the_store_with_their_captions(captions):
    back = stored({"strip": pictures(captions=tuple(captions))}).result["strip"]
    assert np.array_equal(back.images, pictures().images)
    assert back.images.dtype == np.uint8
    results = [back.caption(row, column) for row in (0, 1) for column in (0, 1, 2)]
    assert results == list(captions or [""] * 6)


def test_a_matrix_becomes_a_table_whose_columns_have_names_of_their_own():
    table = Table.grid(np.array([[1, 2], [3, 4]]), ("one", "two"), ("crane", "crane"), ("", ""))
    assert table.order == ("crane", "crane (2)")
    assert table["crane (2)"].tolist() == [2, 4]
    assert table.values.tolist() == [[1, 2], [3, 4]]
    assert len(Table.grid(np.array([]), (), ("a", "b"), ("", ""))) == 0


def test_columns_are_chosen_and_named_anew_and_a_table_is_text_with_empty_places():
    table = Table.of({"a": ([1, 2], "s"), "b": ([3, 4], "%"), "c": ([5, 6], "")}, ("x", "y"))
    chosen = table.select(("c", "a")).renamed({"c": "third"})
    assert (chosen.order, chosen.units, chosen.rows) == (("third", "a"), ("", "s"), ("x", "y"))
    assert chosen["third"].tolist() == [5, 6]
    floats = np.array([0.1, np.nan], np.float32)
    table = Table.of({"a": (floats, ""), "n": ([1, 2], "")}, ("x", "y"))
    assert table.csv() == "row,a,n\nx,0.1,1\ny,,2\n"


@given(st.lists(st.sampled_from(["a", "a (2)", "a (3)", "a (2) (2)", "b"]), max_size=9))
def test_names_are_all_different_and_as_they_were_where_they_come_first(names):
    result = distinct(names)
    assert len(set(result)) == len(names)
    for at, (name, new) in enumerate(zip(names, result, strict=True)):
        assert new == name if name not in names[:at] else new.startswith(f"{name} (")


def test_a_number_that_another_name_has_is_passed_over():
    assert distinct(["crane", "crane", "crane (2)"]) == ["crane", "crane (3)", "crane (2)"]


def packed_twice():
    table, heat = Table.of({"a:values": ([1.0], "")}, ["one"]), HeatMap(np.eye(2), "", signed=True)
    return pack(StoredAnswer({"t": table, "t:columns/a": heat}, {}))


def pictures_with(images=lambda images: images, rows=("a", "b"), captions=()):
    return Pictures(images(pictures().images), rows, ("a", "b", "c"), "", captions=captions)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (packed_twice, "two arrays would be called"),
        (lambda: Table.of({"a": ([0, 0], ""), "b": ([0, 0, 0], "")}), "different lengths"),
        (lambda: Table.of({"a": ([0, 0], "")}, ("x",)), "different lengths"),
        (lambda: Table.of({"a": ([0, 0], "")}, notes=("x",)), r"different lengths: \[1, 2\]"),
        (lambda: Table({"a": np.zeros(2)}, ("b",), ("",)), "one place and one unit"),
        (lambda: Table({"a": np.zeros(2)}, ("a", "b"), ("", "")), "one place and one unit"),
        (lambda: Table({"a": np.zeros(2)}, ("a",), ("", "")), "one place and one unit"),
        (lambda: Table({"a": np.zeros(2)}, ("a",), ()), "one place and one unit"),
        (lambda: Table.grid(np.ones((2, 3)), ("a", "b"), ("a", "b"), ("", "")), "reshape"),
        (
            lambda: Networks({"w": np.zeros((3, 3)), "b": np.arange(2)}, "", "{}", ("{}",) * 3),
            "3 networks have 2 weights 'b'",
        ),
        (lambda: pictures_with(lambda images: images / 255), "uint8"),
        (lambda: pictures_with(lambda images: images[..., :2]), "1 or 3"),
        (lambda: pictures_with(rows=("a",)), "labels"),
        (lambda: pictures_with(captions=("one",)), "captions"),
    ],
)
def test_what_does_not_fit_together_is_refused(build, words):
    with pytest.raises(ValueError, match=words):
        build()
