"""The mutants themselves: what is changed, what is left alone, and that a change takes hold."""

import ast
import importlib.util
import os
import subprocess
import sys
import time
import tomllib

import pytest

from engine.vision.images import load
from engine.vision.images import reader as readers
from tests.mutants.families import FAMILIES, ROOT
from tests.mutants.forks import forked
from tests.mutants.here import read_here
from tests.mutants.mutant import grown, mutants
from tests.mutants.pins import pins
from tests.mutants.swap import differ, loaded, swap

SOURCE = '''"""Words + words."""

LIMIT = 3


def area(width: float, height: float = 2.0) -> float:
    """Width times height, 3 of them."""
    if width < 0:
        raise ValueError(f"no width of {width - 1}")
    log.info("area", width + 1)

    def inner(x):
        return max(x, 0)

    return inner(width * height)


class Box:
    side = 1 + 1

    @property
    def whole(self):
        return not self.side

    def pairs(self):
        return zip(self.side, self.side, strict=True)
'''


def test_a_number_is_shown_with_what_it_stands_in():
    texts = [mutant.shown for mutant in mutants("a.py", SOURCE) if mutant.old == "0"]
    assert texts == [
        "a.py area: width < 0 => width < 1",
        "a.py area.<locals>.inner: max(x, 0) => max(x, 1)",
    ]


def changes():
    return {(mutant.function, mutant.old, mutant.new) for mutant in mutants("a.py", SOURCE)}


def test_operators_comparisons_calls_and_numbers_are_changed_and_words_are_not():
    assert changes() == {
        ("area", "width < 0", "width <= 0"),
        ("area", "width < 0", "width > 0"),
        ("area", "0", "1"),
        ("area", "width * height", "width / height"),
        ("area", "width * height", "width"),
        ("area.<locals>.inner", "max(x, 0)", "min(x, 0)"),
        ("area.<locals>.inner", "0", "1"),
        ("Box.whole", "not self.side", "self.side"),
    }


def test_a_mutant_keeps_its_rank_when_other_lines_of_the_file_change():
    longer = SOURCE.replace("LIMIT = 3", "LIMIT = 4\n\n\ndef first(x):\n    return x + 1")
    before = {mutant.name: mutant.rank(0) for mutant in mutants("a.py", SOURCE)}
    after = {mutant.name: mutant.rank(0) for mutant in mutants("a.py", longer)}
    assert before.items() <= after.items()
    assert sorted(before, key=before.get) != sorted(
        before, key={mutant.name: mutant.rank(1) for mutant in mutants("a.py", SOURCE)}.get
    )


def test_a_change_takes_hold_in_functions_that_are_loaded_and_in_those_inside_them(tmp_path):
    path = tmp_path / "boxes.py"
    path.write_text(SOURCE.replace('    log.info("area", width + 1)\n', ""))
    spec = importlib.util.spec_from_file_location("boxes", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    source = path.read_text()
    reference = module.area
    assert reference(3.0) == 6
    for words, result in (("width / height", 1.5), ("min(x, 0)", 0)):
        (mutant,) = [mutant for mutant in mutants("boxes.py", source) if mutant.new == words]
        tree = grown(source, mutant)
        assert differ(str(path), source, tree)
        assert swap(str(path), source, tree, loaded([str(path)])[str(path)]) == 3
        assert reference(3.0) == result
    plain = ast.parse(source)
    assert not differ(str(path), source, plain)


def test_every_mutant_of_the_engine_can_be_made():
    for family in FAMILIES:
        assert family.proofs(), family.name
        file = family.files()[-1]
        source = (ROOT / file).read_text(encoding="utf-8")
        plain = ast.unparse(ast.parse(source))
        for mutant in mutants(file, source)[::7]:
            assert ast.unparse(grown(source, mutant)) != plain, mutant.name


def test_a_file_of_the_engine_belongs_to_one_family_at_most():
    files = [file for family in FAMILIES for file in family.files()]
    assert len(files) == len(set(files))


@pytest.mark.parametrize("pin", pins(), ids=lambda pin: f"{pin.file}: {pin.new}")
def test_a_pin_stands_in_its_file_and_names_a_test_that_is_there(pin):
    source = (ROOT / pin.file).read_text(encoding="utf-8")
    assert source.count(pin.old) == 1
    assert differ(pin.file, source, pin.tree(source))
    file, _, test = pin.by.partition("::")
    assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8")


def test_what_is_said_to_change_nothing_is_a_mutant_and_has_a_reason():
    equivalents = tomllib.loads(
        (ROOT / "tests/mutants/equivalent.toml").read_text(encoding="utf-8")
    )
    files = {name.split(" ")[0] for name in equivalents}
    names = {mutant.shown for file in files for mutant in mutants(file, (ROOT / file).read_text())}
    assert set(equivalents) <= names
    assert all(len(reason) > 15 for reason in equivalents.values())


def test_a_child_gives_its_answer_or_none_when_it_dies_or_never_ends(tmp_path):
    log = tmp_path / "log"
    assert forked(lambda: {"a": [1, 2]}, 10, 30, log) == {"a": [1, 2]}
    assert forked(lambda: os._exit(3), 10, 30, log) is None
    assert forked(lambda: time.sleep(60), 10, 0.2, log) is None

    def spin():
        while True:
            pass

    assert forked(spin, 0, 60, log) is None


def test_a_picture_is_read_in_this_process_as_in_the_reader_s_own(tmp_path):
    data = (ROOT / "docs/start.png").read_bytes()
    pixels = load(data, "a.png").pixels

    def in_this_process():
        read_here()
        for reader in readers._idle:
            reader.process.kill()
        return bool((load(data, "a.png").pixels == pixels).all())

    assert forked(in_this_process, 30, 60, tmp_path / "log") is True


TRIED = """
import ast, sys
from pathlib import Path
from engine.commands import families  # with torch: once for both children
from tests.mutants.__main__ import tried
from tests.mutants.pins import pins
from tests.mutants.trial import Change

pin = next(pin for pin in pins() if "np.log(COLDEST)" in pin.old)
same = Change("the same", pin.file, "", ast.parse, pin.by)
elsewhere = Change("elsewhere", "engine/evaluation/measures/drift.py", "top_overlap", ast.parse)
folder = Path(sys.argv[1])
for changes in ([Change.pinned(pin), same], [elsewhere]):
    print(*(each.verdict for each in tried([pin.by], "", changes, 60, folder)), flush=True)
"""


def test_a_planted_fault_is_noticed_what_changes_nothing_is_not_and_tests_of_nothing_end_it(
    tmp_path,
):
    ended = subprocess.run(
        [sys.executable, "-c", TRIED, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if "PYTEST" not in name}
        | {"OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert ended.stdout.split() == ["killed", "survived"], ended.stderr[-2000:]
    assert ended.returncode
    assert "no test reaches any function of the changed files" in ended.stderr
