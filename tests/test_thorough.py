"""What `make test` leaves out is there, and everything else is in both."""

from pathlib import Path

from tests.thorough import ROOT, left_out


def test_each_name_on_the_list_is_of_a_file_or_a_test():
    for name in left_out():
        file, _, test = name.partition("::")
        path = Path(ROOT, file)
        assert path.exists(), name
        assert not test or f"def {test.split('[')[0]}(" in path.read_text(encoding="utf-8"), name
