"""Nothing that the app installs forbids what Apache-2.0 allows."""

import re

import pytest
from packaging.utils import canonicalize_name

from tests.licenses import PAGE, ROOT, closure, conflicts, license_of, names_of


@pytest.mark.parametrize(
    ("license", "found"),
    [
        ("MIT", False),
        ("Apache Software License", False),
        ("Apache-2.0 OR GPL-3.0-only", False),
        ("MPL-2.0 AND MIT", False),
        ("GPL-3.0-or-later", True),
        ("GNU Affero General Public", True),
        ("MIT AND GPL-2.0-only", True),
        ("CC-BY-NC-4.0", True),
        ("", True),
        ("Our own", True),
    ],
)
def test_what_forbids_or_says_nothing_is_a_conflict(license, found):
    assert conflicts(license) is found


def test_no_package_of_the_app_has_a_license_in_conflict_with_ours():
    result = closure(names_of(ROOT / "requirements.txt"))
    assert len(result) > 40
    assert not [name for name, package in result.items() if conflicts(license_of(package))]


def test_the_page_has_each_package_that_requirements_name():
    _, table = PAGE.read_text("utf-8").split("| --- | --- |")
    rows = dict(re.findall(r"^\| ([a-z0-9-]+) \| (.+) \|$", table, re.MULTILINE))
    assert {canonicalize_name(name) for name in names_of(ROOT / "requirements.txt")} <= rows.keys()
    assert not [name for name, license_name in rows.items() if conflicts(license_name)]
