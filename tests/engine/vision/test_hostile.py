"""Files that mean harm: one sentence each, in seconds and without much memory."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import timm
from safetensors.torch import save_file

from engine.core.errors import BadData, BadImage, BadModel, BlindspotError
from engine.sparsity import read_scores
from engine.sparsity.masks.file import read_masks
from engine.vision.data.folders import read_folders
from engine.vision.data.medmnist import read_npz
from engine.vision.images import read
from engine.vision.models.own_file import load_from_file, load_weights
from tests import changed_files, tiny
from tests.changed_files import valid
from tests.hostile import ARCHITECTURE, ARRAYS, IMAGES, LARGE, OTHERS, WEIGHTS, ZIPS
from tests.hostile.trials import outcomes_of

ROOT = Path(__file__).resolve().parents[3]
MOST_SECONDS, MOST_MB = 10, 500


def named(cases):
    return [pytest.param(case, id=case.name) for case in cases]


def is_sentence(error, says):
    message = str(error)
    assert says in message
    assert message.endswith((".", "?"))
    assert "\n" not in message
    return True


@pytest.mark.parametrize("case", named(IMAGES))
def test_a_hostile_picture_or_scan_is_refused_in_a_sentence_or_read(case):
    refused = refusal(case.make(), case.name)
    assert refused or not case.says
    if refused:
        assert is_sentence(refused, case.says)
        assert str(refused).startswith(f"“{case.name}” ")


def refusal(data, name):
    try:
        read(data, name)
    except BadImage as error:
        return error
    return None


@pytest.mark.parametrize(
    ("reads", "case"),
    [
        *(pytest.param(read_folders, case, id=case.name) for case in ZIPS),
        *(pytest.param(read_npz, case, id=case.name) for case in ARRAYS),
    ],
)
def test_a_hostile_archive_is_refused_in_a_sentence(reads, case):
    with pytest.raises(BadData) as caught:
        reads(case.make(), case.name)
    assert is_sentence(caught.value, case.says)


@pytest.mark.parametrize("case", named(WEIGHTS))
def test_hostile_weights_are_refused_in_a_sentence(case):
    with pytest.raises(BadModel) as caught:
        load_weights(case.make(), case.name, ARCHITECTURE)
    assert is_sentence(caught.value, case.says)


@pytest.fixture(scope="module")
def resnet(tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "own.safetensors"
    save_file(timm.create_model("resnet18", num_classes=3).state_dict(), path)
    return path


@pytest.mark.parametrize("architecture", OTHERS)
def test_another_architecture_is_refused_before_it_is_built(resnet, architecture, monkeypatch):
    real, built = timm.create_model, []
    monkeypatch.setattr(
        timm, "create_model", lambda *a, **k: built.append(real(*a, **k)) or built[-1]
    )
    with pytest.raises(BadModel) as caught:
        load_from_file(resnet, architecture)
    assert is_sentence(caught.value, "")
    assert all(parameter.is_meta for network in built for parameter in network.parameters())


@pytest.mark.slow
@pytest.mark.timeout(3600)  # processes of a busy computer; the seconds that count are of computing
def test_no_hostile_file_takes_more_than_10_seconds_or_500_mb(measure, tmp_path):
    worst = {"seconds": ("", 0.0), "mb": ("", 0.0)}
    cases = [case.name for case in (*IMAGES, *LARGE, *ZIPS, *ARRAYS, *WEIGHTS)]
    for name in cases:
        program = [sys.executable, "-m", "tests.hostile_run", name, str(tmp_path)]
        output = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=True)
        result = json.loads(output.stdout)
        assert result["outcome"] in {"read", "sentence"}
        for what, (_, most) in worst.items():
            if result[what] > most:
                worst[what] = name, result[what]
    assert worst["seconds"][1] <= MOST_SECONDS
    assert worst["mb"][1] <= MOST_MB
    summary = f"{worst['seconds'][1]:.1f} s ({worst['seconds'][0]}) and {worst['mb'][1]:.0f} MB"
    measure("Hostile files, worst of each", f"{len(cases)} files: {summary} ({worst['mb'][0]})")


@pytest.mark.slow
def test_ten_thousand_changed_files_are_read_or_refused_and_none_crashes(measure):
    kind = changed_files.OwnFileTrials()
    outcomes = outcomes_of(kind, kind.names(kind.count))
    assert not {name: outcome.wrong for name, outcome in outcomes.items() if outcome.wrong}
    counts = Counter(outcome.came for outcome in outcomes.values())
    summary = f"{counts['refused']:,} refused in a sentence, {counts['read']:,} read, 0 crashes"
    worst = {of: max(getattr(o, of) for o in outcomes.values()) for of in ("seconds", "mb")}
    most = f"worst {worst['seconds']:.2f} s and {worst['mb']:.0f} MB"
    measure("Changed files", f"{len(outcomes):,} of {len(valid())} sorts: {summary}; {most}")


@pytest.mark.parametrize("reads", [read_masks, read_scores])
@pytest.mark.parametrize("case", named(ARRAYS))
def test_a_hostile_file_of_masks_or_scores_is_refused_in_a_sentence(reads, case):
    with pytest.raises(BlindspotError) as caught:
        reads(case.make(), tiny.cnn())
    assert is_sentence(caught.value, "")
