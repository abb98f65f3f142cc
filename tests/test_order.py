"""Files that wait for a browser are spread over those that compute."""

from itertools import pairwise

from tests.order import BROWSER, FOLDER, GATE, in_turn


def test_the_gate_is_first_then_the_long_ones_and_browsers_are_spread():
    browsers = [BROWSER / f"test_{name}.py" for name in "abc"]
    engine = [FOLDER / "engine" / f"test_{at}.py" for at in range(30)]
    long = [FOLDER / "test_contract.py", FOLDER / "pages" / "test_p.py"]
    gate = GATE / "test_gate.py"
    paths = [*browsers, *engine, gate, long[1], long[0], *engine]
    places = in_turn(paths)
    assert places.keys() == {*paths}
    order = sorted(dict.fromkeys(paths), key=places.__getitem__)
    assert order[0] == gate
    assert order[1:3] == long
    assert [path for path in order if path in engine] == engine
    assert [path for path in order if path in browsers] == browsers
    results = [order.index(browser) for browser in browsers]
    assert all(10 <= after - before <= 12 for before, after in pairwise(results))


def test_a_file_that_is_alone_or_lies_elsewhere_has_a_place_too(tmp_path):
    alone = tmp_path / "test_own.py"
    assert in_turn([alone, alone]) == {alone: 0.5}
    assert in_turn([]) == {}
