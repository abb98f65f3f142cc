"""Learned scores come as a file, are cut by the same rules, and a bad file is a sentence."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest

from engine.errors import BlindspotError, DoesNotFit
from engine.run import answer
from engine.sparsity import (
    Learned,
    MaskRules,
    Prune,
    Pruning,
    prunable_parts,
    pruner_of,
    read_scores,
)
from engine.sparsity.criteria.magnitude import Magnitude
from tests import tiny


def file_of(arrays, save=np.savez):
    out = io.BytesIO()
    save(out, **arrays)
    return out.getvalue()


@pytest.fixture(scope="module")
def case():
    return tiny.prune_case(tiny.cnn())


@pytest.fixture(scope="module")
def magnitudes(case):
    return dict(Magnitude()(case)["scores"].values)


@pytest.mark.parametrize("allocation", ["global", "per layer", "ERK"])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_file_of_magnitudes_gives_the_masks_of_magnitude(case, magnitudes, allocation, save):
    scores = read_scores(file_of(magnitudes, save), case.model)
    learned_case = replace(case, learned=scores)
    rules = MaskRules(allocation=allocation)
    for ratio in (0.3, 0.8):
        first, second = (
            pruner_of(learned_case, name, rules).at(ratio) for name in ("Learned", "Magnitude")
        )
        assert np.array_equal(first.flat, second.flat)


def test_other_scores_are_another_question_and_other_masks(case, magnitudes):
    turned = {name: -magnitude for name, magnitude in magnitudes.items()}
    cases = [
        replace(case, learned=read_scores(file_of(scores), case.model))
        for scores in (magnitudes, turned)
    ]
    assert cases[0].fingerprint != cases[1].fingerprint
    first, second = (Prune(ratio=0.5, criterion="Learned").masks(variant) for variant in cases)
    assert np.count_nonzero(first.flat & second.flat) < 0.1 * first.total


def test_without_scores_it_is_refused_with_what_to_do(case):
    bare = replace(case, learned=None)
    with pytest.raises(DoesNotFit, match=r"open a file of them"):
        answer(Learned(), bare)
    with pytest.raises(DoesNotFit, match=r"open a file of them"):
        Prune(ratio=0.5, criterion="Learned")(bare)
    assert "Learned" in Pruning.__dataclass_fields__["criterion"].metadata["control"].options


def test_scores_that_lack_a_layer_serve_until_it_is_to_be_cut(case, magnitudes):
    head = prunable_parts(case.model)[-1].name
    some = {name: magnitude for name, magnitude in magnitudes.items() if name != head}
    learned_case = replace(case, learned=read_scores(file_of(some), case.model))
    assert Prune(ratio=0.5, criterion="Learned").masks(learned_case).sparsity == pytest.approx(
        0.5, abs=0.01
    )
    with pytest.raises(BlindspotError, match=f"no scores of {head}"):
        Prune(ratio=0.5, criterion="Learned", head=True).masks(learned_case)


def test_files_that_do_not_fit_are_refused_with_a_sentence(case, magnitudes):
    first = next(iter(magnitudes))
    whole = file_of(magnitudes)
    wrong = {
        "no file of scores": (b"", b"tea", whole[:100]),
        "no scores in this file": (file_of({}),),
        "no weight 'nose'": (file_of({"nose": np.ones(3)}),),
        "but the weight is": (file_of({first: np.ones(3)}),),
        "no numbers": (
            file_of({first: np.full(magnitudes[first].shape, np.nan)}),
            file_of({first: np.full(magnitudes[first].shape, 1e300)}),
            file_of({first: np.full(magnitudes[first].shape, "tea")}),
        ),
        "more scores than": (file_of({first: np.zeros(2**20)}, np.savez_compressed),),
    }
    for words, files in wrong.items():
        for data in files:
            with np.errstate(over="ignore"), pytest.raises(BlindspotError, match=words):
                read_scores(data, case.model)
    pickled = file_of({first: np.array([object()], dtype=object)})
    with pytest.raises(BlindspotError, match="no file of scores"):
        read_scores(pickled, case.model)
