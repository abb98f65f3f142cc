"""`engine run` over every method that is listed, with the answers that ship in place."""

import json
from dataclasses import fields

import pytest
from PIL import Image

from engine.commands.cli import main
from engine.commands.families import METHODS
from engine.core.method import Slider, case_kind
from engine.core.run import GALLERY
from tests import tiny
from tests.written import answer_folder, assert_written

FEW = {
    "samples": 40, "steps": 8, "masks": 40, "side": 8, "rounds": 5, "maps": 2, "orders": 2,
    "epochs": 1, "draws": 1, "length": 6, "seeds": 1, "scenes": 16,
    "networks": 1, "normals": 4,
}  # fmt: skip
SMALL = {
    "image": ["--model", "digits-cnn", "--image", "sample:chelsea"],
    "pair": ["--model", "digits-cnn", "--image", "sample:chelsea"],
    "trust": ["--model", "digits-cnn", "--map", "Gradient"],
    "ordered": ["--model", "digits-cnn"],
    "attacked images": ["--model", "digits-mlp", "--count", "2"],
    "study": ["--count", "1", "--methods", "Gradient", "GradCam"],
    "forget": ["--model", "digits-mlp"],
    "forgotten": ["--model", "digits-mlp"],
    "prune": ["--model", "digits-mlp"],
    "scenes": ["--count", "3"],
    "train": ["--recipe", "architecture=mlp,epochs=1"],
    "generator": ["--each", "4", "--passes", "5"],
    "lesions": ["--data", "phantoms:count=80,seed=7", "--normal", "phantoms:count=80+healthy"],
}
"""Arguments under which a method is quick; the others are asked as they begin."""
LEARNING = ("Prototypes", "PrototypeNetwork", "PrototypeRobustness")
OF_DIGITS = (*LEARNING, "TiltedBoundary", "TiltedSheets", "AdaptiveSmoothing")
BRIEFLY = ["--model", "digits-mlp", "--recipe", "architecture=mlp,epochs=1"]
TWICE = ["--data", "twice:count=20,side=24", "--victim", "MLP", "--seeds", "1"]
OWN_ARGUMENTS = {
    **{f"attribution.{name}": ["--data", "digits"] for name in OF_DIGITS},
    "attribution.Place": ["--map", "Gradient"],
    "attribution.AmongOthers": ["--map", "Gradient", "--images", "10"],
    "attribution.OwnMap": [],
    "attribution.OwnMaps": ["--data", "phantoms:count=100,side=48"],
    "attribution.CBSN": ["--data", "phantoms:count=100,side=48"],
    "attribution.Denoised": ["--image", "sample:chelsea"],
    "attribution.COMET": ["--data", "twice:count=100"],
    "attribution.COMETGrid": ["--data", "twice:count=40,side=24"],
    "unlearning.Scoreboard": ["--model", "digits-mlp", "--ways", "NoOp", "SSD"],
    "sparsity.Harm": ["--model", "digits-cnn"],
    "sparsity.BiP": ["--recipe", "architecture=mlp,epochs=1", "--kept", "0.5"],
    "sparsity.Rewinding": ["--recipe", "architecture=mlp,epochs=2"],
    "hallucination.HalluRAG": [],
    "hallucination.VisualAudit": [
        *("--data", "scenes:count=40,kind=broken,seed=1000", "--images", "2", "--targets", "1"),
        *("--steps", "10", "--seeds", "1"),
    ],
    "hallucination.RefusalAudit": [
        *("--data", "scenes:kind=broken,count=40,seed=1000", "--asked", "4", "--rounds", "2"),
        *("--width", "8", "--seeds", "1"),
    ],
    "hallucination.ImageRerouting": [
        *("--data", "scenes:count=120,kind=broken,seed=1000", "--asked", "4", "--steps", "5"),
        *("--seeds", "1"),
    ],
    "hallucination.DeclinedQuestion": ["--data", "scenes:kind=broken,count=40,seed=1000"],
    "hallucination.SCMoE": ["--model", "tiny-vlm-experts"],
    "unlearning.Dictionary": ["--count", "60"],
    **{f"unlearning.{name}": BRIEFLY for name in ("OM", "DMM", "DMDirect", "KLoM")},
    "anomaly.FVRClaims": ["--data", "digits+classes:count=4"],
    "sparsity.NMFlow": ["--data", "digits+classes:count=3"],
    "sparsity.RandomPruning": ["--data", "digits+classes:count=3", "--network", "MLP"],
    "sparsity.Reprogram": ["--data", "digits+classes:count=3"],
    "unlearning.ForgetRange": ["--data", "phantoms:count=200,side=48"],
    **{
        f"attribution.{name}": ["--data", "bags:count=20,size=20"]
        for name in ("MHIM", "MHIM2", "MaskedRatio")
    },
    "attribution.UnlikeTiles": ["--model", "digits-cnn", "--set", "tile=512"],
    "attribution.TileAttention": ["--set", "tile=896"],
    "unlearning.Certificates": ["--data", "digits"],
    "unlearning.PoisonVotes": ["--data", "digits"],
    **{
        f"unlearning.{name}": [*TWICE, "--way", "random noise for each class"]
        for name in ("ProtectionDefenses", "ProtectedShare")
    },
    "unlearning.ProtectionVictims": TWICE,
    "unlearning.RelabeledVictims": TWICE,
    "unlearning.ENG": ["--data", "phantoms:count=400,side=48", "--seeds", "1", "--rounds", "1"],
    "unlearning.CUDA": ["--data", "twice:count=100", "--victim", "MLP", "--seeds", "1"],
}
LONG = {f"unlearning.{name}" for name in ("Timing", "Frontier", "WorstCase", "SparseOriginals")}
LONG |= {"sparsity.Seeds", "sparsity.Tradeoff"}
"""They take minutes on the smallest network too; test_arguments.py builds their cases."""
SLOW = {
    "anomaly.FVRClaims", "attribution.AdaptiveSmoothing", "attribution.CBSN",
    "attribution.COMET", "attribution.COMETGrid", "attribution.OwnMaps",
    "attribution.PrototypeRobustness", "attribution.TileAttention", "hallucination.ImageRerouting",
    "hallucination.KeepCurve", "hallucination.MaskLLM", "hallucination.RefusalAudit",
    "hallucination.VisualAudit", "hallucination.WordRisk", "sparsity.FTWT", "sparsity.LTH",
    "sparsity.NMFlow", "sparsity.RandomPruning", "sparsity.Reprogram", "sparsity.Rewinding",
    "sparsity.Rewound", "sparsity.Unknown", "unlearning.ENG", "unlearning.ForgetRange",
    "unlearning.GeneratorSalUn", "unlearning.Judged", "unlearning.KLoM",
    "unlearning.ProtectionVictims", "unlearning.RelabeledVictims", "unlearning.Retrain",
}  # fmt: skip
"""They take more than four seconds, so only `make test-slow` runs them from the command line. What
the contract asks of each method is written and read in `make test`, and its case is built from
words in test_arguments.py."""
WITHOUT = {"sparsity.Learned": "scores that a search has learned"}
"""What nothing that ships can be asked about, and the reason that is said."""
UNFIT = WITHOUT | {"attribution.AttentionRollout": "attention layers, and this model has none"}
RUN_METHODS = [kind for kind in METHODS if kind.full_name() not in WITHOUT.keys() | LONG]


def few(kind) -> list[str]:
    """Small settings where a method counts something, as the command line takes them."""
    pairs = [
        f"{spec.name}={max(FEW[spec.name], spec.metadata['control'].low)}"
        for spec in fields(kind)
        if spec.name in FEW and isinstance(spec.metadata["control"], Slider)
    ]
    return ["--set", *pairs] if pairs else []


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=[pytest.mark.slow] if kind.full_name() in SLOW else [])
        for kind in RUN_METHODS
    ],
    ids=lambda kind: kind.full_name(),
)
def test_a_method_gives_its_record_arrays_and_pictures(kind, tmp_path, monkeypatch, capsys):
    arguments = OWN_ARGUMENTS.get(kind.full_name(), SMALL.get(case_kind(kind).case_name, []))
    if "attention" in kind.needs and case_kind(kind).case_name == "image":
        monkeypatch.setattr("engine.vision.arguments.load", lambda _name: tiny.vit())  # none ships
        arguments = ["--image", "sample:chelsea"]
    for name, value in kind.example_constants.items():
        monkeypatch.setattr(kind, name, value)
    command = ["run", kind.full_name(), *arguments, *few(kind), "--out", str(tmp_path)]
    assert main(command) == 0, capsys.readouterr().err
    assert_written(answer_folder(tmp_path), kind)


def test_every_slow_one_is_asked_and_each_kind_of_case_has_a_quick_one():
    assert {kind.full_name() for kind in RUN_METHODS} >= SLOW
    quick = {case_kind(kind) for kind in RUN_METHODS if kind.full_name() not in SLOW}
    assert quick == {case_kind(kind) for kind in METHODS}


@pytest.mark.parametrize("name", UNFIT)
def test_a_method_that_nothing_here_fits_says_so_in_one_line(name, tmp_path, capsys):
    assert main(["run", name, "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert UNFIT[name] in error
    assert not (tmp_path / "out").exists()


def test_a_heat_map_lies_over_the_image_that_it_is_of(tmp_path, capsys):
    arguments = ["--image", "example:digits/6", "--model", "digits-cnn", "--out", str(tmp_path)]
    assert main(["run", "attribution.Gradient", *arguments]) == 0, capsys.readouterr().err
    folder = answer_folder(tmp_path)
    view = json.loads((folder / "result.json").read_text())["views"]["map"]
    assert len({Image.open(folder / view[name]).size for name in ("overlay", "picture")}) == 1


def test_what_ships_is_read_though_its_record_is_older_than_a_field(tmp_path, capsys):
    arguments = ["--image", "sample:chelsea", "--out", str(tmp_path)]
    assert main(["run", "attribution.GradCam", *arguments]) == 0, capsys.readouterr().err
    provenance = json.loads((answer_folder(tmp_path) / "result.json").read_text())["provenance"]
    assert provenance["kept"]
    assert (GALLERY / f"{provenance['digest']}.json").exists()
