"""What is read of a person's own files, apart from the page."""

from __future__ import annotations

from dataclasses import replace

import pytest

from components.forget import own_models, own_request
from engine import data as data_sets
from engine.errors import BlindspotError
from engine.unlearning import GivenCase, GivenGroups, brought
from tests.engine.unlearning.test_given_groups import case_and_groups
from tests.pages.test_judge import in_zip


def test_a_zip_that_fails_is_looked_through_once(monkeypatch):
    data, read = data_sets.load("digits"), []

    def of_zip(_, content):
        read.append(content)
        raise BlindspotError("It does not fit.")

    monkeypatch.setattr(brought, "of_zip", of_zip)
    for _ in range(2):
        with pytest.raises(BlindspotError, match="It does not fit"):
            own_request.found_in(data, b"a zip that fails")
    assert len(read) == 1


class Upload:
    """A file as Streamlit hands it over."""

    def __init__(self, name: str, content: bytes) -> None:
        self.name, self.content = name, content

    def getvalue(self) -> bytes:
        """Its content."""
        return self.content


def test_zips_give_many_of_each_and_files_one():
    groups = {kind: models[:2] for kind, models in case_and_groups()[1].items()}
    files = {kind: Upload("many.ZIP", in_zip(models)) for kind, models in groups.items()}
    opened = own_models.read(files, "")
    for kind, models in groups.items():
        assert [model.fingerprint for model in opened.groups[kind]] == [
            model.fingerprint for model in models
        ]
    case = opened.case(replace(case_and_groups()[0], model=opened.original))
    assert isinstance(case, GivenGroups)
    assert case.counts == {"original": 2, "unlearned": 2, "retrained": 2}
    assert own_models.judged_note(case).endswith(", the first of each")
    assert own_models.opened_models_note(opened).startswith(
        "Open: 2 original, 2 unlearned, 2 retrained; the fi"
    )

    alone = {kind: Upload("many.zip", in_zip(models[:1])) for kind, models in groups.items()}
    own_groups = own_models.read(alone | {"retrained": None}, "")
    case = own_groups.case(replace(case_and_groups()[0], model=own_groups.original))
    assert type(case) is GivenCase
    assert case.retrained is None
    assert own_models.MOST == {"original": 100, "unlearned": 100, "retrained": 200}
