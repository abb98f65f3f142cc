"""What is kept is found again; what is damaged is computed again; nothing grows without end."""

import json
import os
import time
from functools import partial

import numpy as np
import pytest

from engine.core import run
from engine.core.keeping import shipping
from engine.core.keeping import store as module
from engine.core.keeping.packing import ENTRY_BYTES, StoredAnswer, build, checksum, pack, unpack
from engine.core.keeping.store import (
    PART,
    STRAY_SECONDS,
    Store,
    entry_files,
    keep_row,
    read_table,
    sweep_strays,
)
from engine.core.result import HeatMap, Table, WeightScores
from tests import tiny

ROOT = not hasattr(os, "geteuid") or os.geteuid() == 0


def heat(value: float = 1.0, side: int = 8) -> dict[str, HeatMap]:
    return {"map": HeatMap(np.full((side, side), value, np.float32), "logit", signed=True)}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "answers")


def rewrite(path, change):
    path.write_text(json.dumps(change(json.loads(path.read_text()))))


def with_last_bit_flipped(data):
    return data[:-1] + bytes([data[-1] ^ 1])


HARMS = {
    "record cut": lambda _, record: record.write_bytes(record.read_bytes()[:-20]),
    "arrays cut": lambda arrays, _: arrays.write_bytes(arrays.read_bytes()[:-10]),
    "empty arrays": lambda arrays, _: arrays.write_bytes(b""),
    "empty record": lambda _, record: record.write_bytes(b""),
    "another bit": lambda arrays, _: arrays.write_bytes(with_last_bit_flipped(arrays.read_bytes())),
    "wrong checksum": lambda _, record: rewrite(record, lambda entry: entry | {"checksum": "00"}),
    "no record": lambda _, record: record.unlink(),
    "no arrays": lambda arrays, _: arrays.unlink(),
    "a list": lambda _, record: record.write_text("[1, 2]"),
    "views as list": lambda _, record: rewrite(record, lambda entry: entry | {"views": [1]}),
    "unknown kind": lambda _, record: replace_word(record, '"HeatMap"', '"Sculpture"'),
    "nested too deep": lambda _, record: record.write_text("[" * 100_000),
    "no text": lambda _, record: record.write_bytes(b"\xff\xfe\x00{"),
    "another word": lambda _, record: replace_word(record, '"logit"', '"logic"'),
    "another number": lambda _, record: replace_word(record, "2.5", "9.5"),
}


def replace_word(path, before, after):
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def fresh(store: Store) -> Store:
    """As after a restart."""
    return Store(store.folder, store.shipped, store.memory_bytes, store.disk_bytes)


def test_an_answer_is_found_after_a_restart_in_files_that_are_no_pickles(store):
    store.put("a", heat(3.0), {"seconds": 2.5})
    stored = fresh(store).get("a")
    assert stored.result["map"].values.tolist() == np.full((8, 8), 3.0).tolist()
    assert stored.result["map"].unit == "logit"
    assert stored.record == {"seconds": 2.5}
    assert fresh(store).get("b") is None
    for name in "abc":
        store.put(name, heat(), {"words": "x"})
    assert {path.suffix for path in store.folder.iterdir()} == {".safetensors", ".json"}
    for path in store.folder.iterdir():
        data = path.read_bytes()
        assert not data.startswith((b"\x80", b"PK"))
        assert b"\x80\x04" not in data[:16]


def test_members_of_a_mapping_keep_their_order_through_the_disk_or_are_read_by_name(store):
    weights = {name: np.zeros(size, np.float32) for name, size in (("z", 1), ("a", 3), ("m", 2))}
    store.put("a", {"scores": WeightScores(weights, "", "sum")}, {})
    assert list(fresh(store).get("a").result["scores"].values) == ["z", "a", "m"]
    weights = {name: np.zeros(2, np.float32) for name in ("z", "a")}
    header, data = pack(StoredAnswer({"scores": WeightScores(weights, "", "sum")}, {}))
    del header["views"]["scores"]["arrays"]
    header["checksum"] = checksum(data)
    assert list(unpack(header, data).result["scores"].values) == ["a", "z"]


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS)
def test_a_damaged_entry_counts_as_unknown_and_is_replaced(store, harm):
    store.put("a", heat(1.0), {"seconds": 2.5})
    harm(*entry_files(store.folder, "a"))
    assert fresh(store).get("a") is None
    fresh(store).put("a", heat(2.0), {})
    assert fresh(store).get("a").result["map"].values[0, 0] == 2.0


def test_a_damaged_entry_that_cannot_be_removed_is_still_not_fatal(store, monkeypatch):
    store.put("a", heat(), {})
    HARMS["another bit"](*entry_files(store.folder, "a"))

    def forbidden(_path, missing_ok=False):
        raise PermissionError("read-only")

    monkeypatch.setattr(type(store.folder), "unlink", forbidden)
    assert fresh(store).get("a") is None


def test_a_half_written_entry_does_not_exist(store, monkeypatch):
    write, suffixes = module.write_atomic, []

    def fail_at_json(path, data):
        suffixes.append(path.suffix)
        if path.suffix == ".json":
            raise OSError("the disk is full")
        write(path, data)

    monkeypatch.setattr(module, "write_atomic", fail_at_json)
    assert store.put("a", heat(4.0), {}).result["map"].values[0, 0] == 4.0
    assert suffixes == [".safetensors", ".json"]
    assert store.get("a").result["map"].values[0, 0] == 4.0  # from memory
    assert fresh(store).get("a") is None


def test_a_folder_that_cannot_be_made_costs_only_the_copy_on_disk(tmp_path):
    (tmp_path / "file").write_text("in the way")
    store = Store(tmp_path / "file" / "answers")
    store.put("a", heat(5.0), {})
    assert store.get("a").result["map"].values[0, 0] == 5.0
    assert fresh(store).get("a") is None


@pytest.mark.skipif(ROOT, reason="root may write anywhere")
def test_a_folder_closed_to_writing_costs_only_the_copy_on_disk(store):
    store.put("a", heat(1.0), {})
    store.folder.chmod(0o500)
    try:
        store.put("b", heat(2.0), {})
        assert store.get("b").result["map"].values[0, 0] == 2.0
        assert fresh(store).get("a").result["map"].values[0, 0] == 1.0
    finally:
        store.folder.chmod(0o700)


def test_the_folder_keeps_below_its_limit_and_the_oldest_go(tmp_path):
    store = Store(tmp_path, disk_bytes=20_000)
    for place, name in enumerate("abcdefgh"):
        store.put(name, heat(side=32), {})  # 4096 bytes of values each
        for path in entry_files(tmp_path, name):
            os.utime(path, (1000 + place, 1000 + place))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 20_000 + 5_000
    store._sweep()
    assert {path.stem for path in tmp_path.iterdir()} == {"e", "f", "g", "h"}


def test_what_was_read_lately_stays_also_when_memory_gave_it(tmp_path):
    store = Store(tmp_path, disk_bytes=12_000)
    for name in "ab":
        store.put(name, heat(side=32), {})
        for path in entry_files(tmp_path, name):
            os.utime(path, (1000, 1000))
    assert store.get("a") is not None  # out of memory, and its files become new
    store.put("c", heat(side=32), {})
    store._sweep()
    assert {path.stem for path in tmp_path.iterdir()} == {"a", "c"}


def test_left_overs_are_swept(tmp_path):
    store = Store(tmp_path)
    for name in (".part-new", ".part-old", "x.json"):
        (tmp_path / name).write_bytes(b"0" * 100)
        if name != ".part-new":
            os.utime(tmp_path / name, (1000, 1000))
    store.disk_bytes = 10
    store._sweep()
    assert [path.name for path in tmp_path.iterdir()] == [".part-new"]


def test_memory_holds_no_more_than_its_bound_with_arrays_and_without(tmp_path):
    store = Store(tmp_path, memory_bytes=3 * (ENTRY_BYTES + 4096))
    for name in "abcde":
        store.put(name, heat(side=32), {})
    assert store._memory.names() == ["c", "d", "e"]
    assert store.get("a") is not None  # from disk
    assert store._memory.names() == ["d", "e", "a"]
    store = Store(tmp_path, memory_bytes=10 * ENTRY_BYTES)
    for number in range(30):
        store.put(str(number), {}, {})
    assert len(store._memory.names()) == 10


def test_shipped_answers_stand_behind_and_are_never_changed(tmp_path):
    gallery = Store(tmp_path / "gallery")
    gallery.put("a", heat(7.0), {})
    gallery.put("b", heat(7.0), {})
    HARMS["arrays cut"](*entry_files(gallery.folder, "b"))
    before = sorted(path.name for path in gallery.folder.iterdir())
    store = Store(tmp_path / "own", shipped=(gallery.folder,))
    assert store.get("a").result["map"].values[0, 0] == 7.0
    assert store.get("b") is None
    store.put("a", heat(8.0), {})
    assert fresh(store).get("a").result["map"].values[0, 0] == 8.0
    store.forget("a")
    assert fresh(store).get("a").result["map"].values[0, 0] == 7.0
    assert sorted(path.name for path in gallery.folder.iterdir()) == before


def test_what_ships_is_compressed_and_read_alike(tmp_path):
    shelf = Store(tmp_path)
    flat, odd = heat(side=80), heat(side=81, value=3.0)
    both = {"flat": flat, "odd": odd}
    for name, result in both.items():
        shelf.put(name, result, {"words": name})
    before = sum(path.stat().st_size for path in tmp_path.iterdir())
    for _ in range(2):  # a second time changes nothing
        module.shrink(tmp_path)
        names = {f"{name}.{end}" for name in ("flat", "odd") for end in ("safetensors.xz", "json")}
        assert {path.name for path in tmp_path.iterdir()} == names
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < before / 4
    for name, result in both.items():
        stored = Store(tmp_path / "own", shipped=(tmp_path,)).get(name)
        assert np.array_equal(stored.result["map"].values, result["map"].values)
        assert stored.record == {"words": name}
    shelf.put("flat", odd, {})  # computed again
    module.shrink(tmp_path)
    assert np.array_equal(fresh(shelf).get("flat").result["map"].values, odd["map"].values)


@pytest.mark.parametrize(
    "harm", [lambda data: data[:30], lambda data: b"", lambda data: b"x" + data]
)
def test_a_damaged_compressed_entry_counts_as_unknown(tmp_path, harm):
    Store(tmp_path).put("a", heat(), {})
    plain, _ = entry_files(tmp_path, "a")
    module.compressed(plain).write_bytes(harm(shipping.compress(plain.read_bytes())))
    plain.unlink()
    assert Store(tmp_path).get("a") is None


def test_many_threads_may_write_and_read_at_once(tmp_path):
    store = Store(tmp_path, memory_bytes=3 * (ENTRY_BYTES + 256), disk_bytes=30_000)
    wrong = []

    def work(number):
        for turn in range(20):
            name = str((number + turn) % 6)
            store.put(name, heat(float(name)), {})
            stored = store.get(name)
            if stored is not None and stored.result["map"].values[0, 0] != float(name):
                wrong.append(name)

    tiny.at_once(*(partial(work, number) for number in range(6)), seconds=60)
    assert wrong == []
    assert len(store._memory.names()) == 3


def test_a_table_keeps_its_newest_rows_and_survives_damage(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "TABLE_ROWS", 3)
    path = tmp_path / "deep" / "table.json"
    for name in "abcd":
        keep_row(path, name, 1)
    keep_row(path, "b", 2)
    assert list(read_table(path).items()) == [("c", 1), ("d", 1), ("b", 2)]
    for nonsense in (b"", b"[1]", b"{", b"\xff", b"[" * 100_000):
        path.write_bytes(nonsense)
        assert read_table(path) == {}
    keep_row(path, "e", 3)
    assert read_table(path) == {"e": 3}


def test_an_entry_of_an_older_version_whose_checksum_is_of_its_arrays_is_read(store):
    store.put("a", heat(1.0), {"seconds": 2.5})
    arrays, record_path = entry_files(store.folder, "a")
    older = json.loads(record_path.read_text()) | {"checksum": checksum(arrays.read_bytes())}
    record_path.write_text(json.dumps(older))
    assert fresh(store).get("a").record == {"seconds": 2.5}


def test_what_a_killed_process_left_is_swept_anywhere_at_home_when_the_store_opens(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("BLINDSPOT_HOME", str(tmp_path))
    for place in (".part-a", "models/.part-b", "data/.part-c", "compiled/.part-d/cache/x"):
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half")
        for ancestor in (path, path.parent, path.parent.parent):
            os.utime(ancestor, (0, 0)) if ancestor.name.startswith(".part-") else None
    now, model_path = tmp_path / "models" / ".part-now", tmp_path / "models" / "kept.safetensors"
    now.write_text("being written")
    model_path.write_text("whole")
    run.store.cache_clear()
    try:
        run.store()
    finally:
        run.store.cache_clear()
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == {now, model_path}


def test_in_a_person_s_own_folder_only_temporary_files_go(tmp_path):
    deep = tmp_path / "mine" / f"{PART}thesis"
    deep.mkdir(parents=True)
    own_files = [deep / "chapter.txt", tmp_path / f"{PART}notes-of-mine.txt", tmp_path / "a.npy"]
    stray = tmp_path / f"{PART}abcd1234"
    old = time.time() - 2 * STRAY_SECONDS
    for path in [*own_files, stray]:
        path.write_text("x")
        os.utime(path, (old, old))
    os.utime(deep, (old, old))
    sweep_strays(tmp_path, ours=False)
    assert all(path.exists() for path in own_files)
    assert not stray.exists()


@pytest.mark.parametrize(
    ("kind", "arrays", "facts"),
    [
        ("Table", {"values": np.eye(2)}, {"columns": ["a", "b"]}),
        (
            "Columns",
            {"columns/a": np.eye(2)[0], "columns/b": np.eye(2)[1]},
            {"order": ["a", "b"], "notes": []},
        ),
    ],
)
def test_a_table_of_either_old_kind_is_read_as_a_table(kind, arrays, facts):
    table = build(kind, arrays, facts | {"rows": ["x", "y"], "units": ["", "s"]})
    assert isinstance(table, Table)
    assert (table.order, table.units, table.rows) == (("a", "b"), ("", "s"), ("x", "y"))
    assert table.values.tolist() == np.eye(2).tolist()
