"""The soak judges rightly: a mixed-up page, a damaged home, a kill and a full disk are noticed."""

import os
import time
from tempfile import mkdtemp
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.soak import __main__ as entry
from benchmarks.soak import command, kills, report, sessions, store
from benchmarks.soak.disk import HARMS
from benchmarks.soak.report import Row, quantile
from benchmarks.soak.visitor import Visitor
from components.views import HEATMAPS, VIEWS
from engine.core.keeping.store import PART, Store
from engine.core.result import Scores
from engine.vision.images.samples import SAMPLES
from tests.awaited import awaited

ALONE = {("a", ""): {"only a"}, ("b", ""): {"only b", "b too"}}


def test_a_page_says_what_another_says_or_lacks_its_own():
    assert sessions.crossing(("a", ""), {"only a", "both"}, ALONE) == ""
    assert "says what" in sessions.crossing(("a", ""), {"only a", "b too"}, ALONE)
    assert sessions.crossing(("b", ""), {"only b"}, ALONE) == ""
    assert "lacks" in sessions.lacking(("b", ""), {"only b"}, ALONE)


def test_sentences_of_a_page_alone_are_those_that_no_other_has():
    pages = {("a", ""): {"x", "both"}, ("b", ""): {"y", "both"}}
    assert sessions.unique_sentences(pages) == {("a", ""): {"x"}, ("b", ""): {"y"}}


def test_times_and_free_memory_do_not_make_a_page_another():
    first, second = (SimpleNamespace(texts=[f"took {n} s of 16.{n} GB"]) for n in (3, 4))
    assert sessions.stable_text(first) == sessions.stable_text(second)


@pytest.mark.parametrize(("share", "found"), [(0.5, 50), (0.95, 95), (1.0, 100), (0.001, 1)])
def test_a_quantile_is_a_value_that_was_measured(share, found):
    assert quantile(range(100, 0, -1), share) == found


def test_each_harm_to_an_answer_is_noticed_and_an_unfinished_file_is_none(tmp_path):
    views = {"scores": Scores(np.ones(1), ("x",), "")}
    Store(tmp_path / "answers").put("d", views, {"seconds": 1.0})
    (tmp_path / "answers" / f"{PART}abc").write_bytes(b"half")
    assert not list(store.damage(tmp_path))
    assert store.leftovers(tmp_path) == 1
    for path in (tmp_path / "answers").glob("d.*"):
        whole = path.read_bytes()
        for harm in HARMS.values():
            path.write_bytes(harm(whole))
            assert list(store.damage(tmp_path))
        path.write_bytes(whole)
    assert not list(store.damage(tmp_path))


def test_numbers_are_alike_up_to_the_last_bits():
    expected = {"map.npy": np.array([1.0, -2.0])}
    assert store.alike({"map.npy": np.array([1.0, -2.0 + 1e-6])}, expected)
    assert not store.alike({"map.npy": np.array([1.0, -2.1])}, expected)
    assert not store.alike({}, expected)
    assert not store.alike({}, {})


def child(work):
    """A fork that does only this."""
    number = os.fork()
    if not number:
        work()
        os._exit(7)
    return number


def test_a_fork_that_ends_tells_its_status_and_a_slow_one_is_killed():
    assert command.ended(child(lambda: None), 10) == 7
    assert command.ended(child(lambda: time.sleep(60)), 0.05) is None


def test_a_full_disk_can_be_played(tmp_path):
    def writing():
        command.no_file_longer_than(10)()
        with pytest.raises(OSError, match="File too large"):
            (tmp_path / "a").write_bytes(b"x" * 11)

    assert command.ended(child(writing), 10) == 7


def test_another_machine_than_this_is_never_asked():
    with pytest.raises(ValueError, match="only servers on this machine"):
        awaited(Visitor.arrive("http://example.org:8501"))


def test_figures_replace_those_of_the_last_time(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "RELIABILITY", tmp_path / "page.md")
    (tmp_path / "page.md").write_text("# Words\n\nWhy.\n\n## Figures, old\n\n| old |\n")
    report.write([Row("kills", "3", "0", False), Row("memory", "5 MB")])
    text = (tmp_path / "page.md").read_text()
    assert text.startswith("# Words\n\nWhy.\n\n## Figures, 20")
    assert "| kills | 3 | 0 | **fails** |\n| memory | 5 MB |  |  |\n" in text
    assert "old" not in text


def test_its_pictures_are_all_different():
    assert len({sessions.picture(number) for number in range(5)}) == 5


def test_figures_of_some_parts_do_not_replace_those_of_all(capsys):
    with pytest.raises(SystemExit):
        entry.main(["--only", "kills", "--record"])
    assert "needs all parts" in capsys.readouterr().err


def test_where_nothing_was_killed_no_goal_is_reached(tmp_path):
    assert [row.holds for row in kills.by_command(tmp_path, 0)] == [False, False]


@pytest.mark.parametrize("holds", [True, False])
def test_where_a_goal_is_missed_the_logs_stay(monkeypatch, tmp_path, capsys, holds):
    def rows(folder):
        (folder / "a.log").write_text("why")
        yield Row("disk", "3", "0", holds)

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(entry, "mkdtemp", lambda prefix: mkdtemp(prefix=prefix, dir=tmp_path))
    monkeypatch.setattr(entry.disk, "rows", rows)
    assert entry.main(["--only", "disk"]) == int(not holds)
    assert len(list(tmp_path.rglob("a.log"))) == int(not holds)
    assert (str(tmp_path) in capsys.readouterr().out) is not holds


def test_the_links_are_of_views_and_samples_that_exist():
    existing = [(HEATMAPS.address, sample.title) for sample in SAMPLES]
    existing += [(view.address, "") for view in VIEWS]
    result = sessions.links()
    assert len(result) == len(set(result)) == len(SAMPLES) + len(sessions.VIEWS)
    assert set(result) <= set(existing)
