"""Masks come back from their file as they went, and a bad file gives a sentence."""

from __future__ import annotations

import io

import numpy as np
import pytest

from engine.errors import BadData, BlindspotError
from engine.models import embedded
from engine.sparsity import MaskRules, pruner_of
from engine.sparsity.masks.file import masks_file, read_masks
from tests import tiny


@pytest.fixture
def case():
    return tiny.prune_case()


@pytest.mark.parametrize("structure", ["weight", "group"])
def test_masks_come_back_as_they_went(case, structure):
    masks = pruner_of(case, "Magnitude", MaskRules("per layer", structure)).at(0.5)
    data = masks_file(masks, {"criterion": "Magnitude", "ratio": 0.5})
    again, facts = read_masks(data, case.model)
    assert again.digest == masks.digest
    assert (facts["criterion"], facts["ratio"], facts["kept"]) == ("Magnitude", 0.5, masks.kept)
    with np.load(io.BytesIO(data)) as archive:  # by numpy alone, as the file itself explains
        shape = facts["shapes"]["conv2.weight"]
        bits = np.unpackbits(archive["conv2.weight"], count=int(np.prod(shape))).reshape(shape)
    assert np.array_equal(bits.astype(bool), masks.array("conv2.weight"))


def test_files_that_are_none_are_refused_in_words(case):
    masks = pruner_of(case, "Magnitude", MaskRules()).at(0.5)
    data = masks_file(masks)
    for wrong in (b"", b"PK\x03\x04 nonsense", data[: len(data) // 2]):
        with pytest.raises(BadData, match="no file of masks"):
            read_masks(wrong, case.model)
    out = io.BytesIO()
    np.savez(out, about=np.frombuffer(b"{}", np.uint8))
    with pytest.raises(BadData, match="no masks"):
        read_masks(out.getvalue(), case.model)
    with pytest.raises(BlindspotError, match="another network"):
        read_masks(data, embedded.load("digits-mlp"))
    out = io.BytesIO()
    np.savez_compressed(out, **{"conv1.weight": np.zeros(50_000_000, np.uint8)})
    with pytest.raises(BlindspotError, match="more masks"):
        read_masks(out.getvalue(), case.model)


def test_objects_in_a_file_are_never_unpickled(case):
    out = io.BytesIO()
    np.savez(out, **{"conv1.weight": np.array([print], object)})
    with pytest.raises(BadData, match="no file of masks"):
        read_masks(out.getvalue(), case.model)
