"""Every method's case is declared once: read from words, built, and printed as words again."""

import json
import re
import shlex
from dataclasses import fields, replace

import numpy as np
import pytest

import engine
from engine.anomaly import FamiliarCase, LesionsCase
from engine.commands import asking
from engine.commands.as_code import as_python, as_shell
from engine.commands.cli import main
from engine.commands.families import METHODS
from engine.commands.run import parser_of
from engine.core.controls import Text
from engine.core.errors import BadSetting, BlindspotError
from engine.core.keeping.memory import Memory
from engine.core.method import Choice, Slider, Switch, case_kind, quiet
from engine.core.naming import Unknown
from engine.core.texts import MethodsByName, text_of, value
from engine.sparsity import PruneCase
from engine.unlearning import UNLEARNERS, BoardCase, MembershipAttack, request
from engine.unlearning.request_text import request_from, request_text
from engine.unlearning.worst_forget import worst
from engine.vision.case import ImageCase, PairCase
from engine.vision.data import load as load_data
from engine.vision.data import phantoms, registry
from engine.vision.data.example import example
from engine.vision.models.catalog import load
from engine.vision.pictures import first_picture, open_picture
from tests.engine.vision.data import nova_files
from tests.written import answer_folder

every = pytest.mark.parametrize("kind", METHODS, ids=lambda kind: kind.full_name())
CASES = list(dict.fromkeys(map(case_kind, METHODS)))
UNKNOWN = Unknown()
each_case = pytest.mark.parametrize("case", CASES, ids=lambda kind: kind.__name__)
QUICK = {
    "image": "attribution.Gradient", "pair": "attribution.StraightLine",
    "trust": "attribution.Shape", "study": "attribution.StudyMaps", "forget": "unlearning.SSD",
    "forgotten": "unlearning.Confusion", "caption": "hallucination.Greedy",
    "words": "hallucination.Looks", "photographs": "hallucination.PhotoPair",
    "scenes": "hallucination.Rates", "familiar": "anomaly.KNN",
    "data": "anomaly.Features", "prune": "sparsity.Magnitude", "train": "lab.Train",
    "experiment": "unlearning.CUDA", "lesions": "anomaly.NOVA",
    "generator": "unlearning.Samples",
    "ordered": "attribution.OrderedAD", "attacked images": "attribution.OrderedSuccess",
    "prototypes": "attribution.Prototypes", "bags": "attribution.MHIM",
    "slide": "attribution.UnlikeTiles",
}  # fmt: skip
"""A method of each kind of case, and arguments under which it is quick."""
BRIEF, BRAINS = {"seed": 1, "epochs": 1}, {"data": "phantoms:count=80,seed=7"}
SMALL = {
    "image": {"model": "digits-mlp", "target": "3", "seed": 2},
    "pair": {"model": "digits-mlp", "image": "example:digits/6", "against": ("example:digits/1",)},
    "trust": {"model": "digits-cnn", "image": "example:digits/6", "map": "Gradient:channels=size"},
    "study": {"count": 1, "methods": ("Gradient", "GradCam"), "seed": 1},
    "forget": {"model": "digits-mlp", "forget": "class=4,share=0.5,draw=2"},
    "forgotten": {"model": "digits-mlp", "way": "SSD"},
    "caption": {"scene": 7, "ask": "is there a lamp"},
    "words": {"scene": 7, "answer": "the image shows a car and a lamp .", "words": ("4", "7")},
    "photographs": {"image": "sample:flower", "thing": "flower", "others": ("sun",), "top": 0.1},
    "scenes": {"count": 3, "decoding": "Sampling:length=6", "kind": "biased", "clean": True},
    "familiar": {"model": "digits-mlp", "image": "example:mnist-5k/3", "unknown": "noise"},
    "data": {"model": "digits-mlp", "data": "digits"},
    "prune": {"model": "digits-mlp", "recipe": "none"},
    "train": {"recipe": "architecture=mlp,epochs=1", "seed": 3},
    "experiment": {"data": "twice:count=100", "seed": 1, "seeds": 1, "epochs": 1, "victim": "MLP"},
    "prototypes": BRIEF | {"data": "digits", "image": "example:digits/6", "tries": 1},
    "generator": {"seed": 2, "each": 4, "passes": 5},
    "ordered": {"model": "digits-mlp", "image": "example:digits/6", "order": ("3", "1"), "seed": 1},
    "attacked images": {"model": "digits-mlp", "count": 2, "seed": 1},
    "bags": BRIEF | {"data": "bags:count=20,size=20"},
    "slide": {"model": "digits-cnn", "tile": 512},
    "lesions": BRAINS | {"model": "phantom-cnn", "normal": "phantoms:count=80+healthy"},
}


def method_and_arguments(name: str):
    """The method and the arguments of a kind of case, as a script gives them."""
    return asking.question(asking.method_named(QUICK[name]), SMALL[name])


def small_case(name: str, **more):
    method, arguments = method_and_arguments(name)
    return case_kind(type(method)).read(arguments | more)


def read_again(line: str):
    """The method and the arguments that a printed command asks."""
    words = shlex.split(line)
    assert words[:4] == ["python", "-m", "engine", "run"]
    kind = asking.method_named(words[4])
    parsed = vars(parser_of(kind).parse_args(words[5:]))
    settings = asking.settings_given(kind, parsed.pop("set"))
    del parsed["out"]
    parsed = {name: argument for name, argument in parsed.items() if argument is not None}
    return asking.question(kind, parsed, settings)


def of_case(case, arguments):
    """The arguments read off the case, with what a case cannot know about itself."""
    written = case.written()
    unknown = [name for name in arguments if isinstance(written.get(name, UNKNOWN), Unknown)]
    known = {name: arguments[name] for name in unknown}
    if {"image", "crop_x"} <= arguments.keys() and known["image"] is None:
        known["image"] = first_picture(case.model)
    return type(case).every_argument(case.to_arguments(**known))


@pytest.fixture(autouse=True, scope="module")
def forty_slices():
    """Of phantoms forty slices are drawn, again and again: a minute less, and none is kept."""
    draw = phantoms.Phantoms.arrays

    def arrays(recipe, progress=quiet):
        few, count = draw(replace(recipe, count=40)), recipe.count
        return {name: np.resize(some, (count, *some.shape[1:])) for name, some in few.items()}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phantoms.Phantoms, "arrays", arrays)
        patch.setattr(phantoms, "stored_arrays", lambda _word, _recipe, make, **_: make())
        patch.setattr(registry, "_memory", Memory(2**30, lambda data: data.nbytes))
        yield


@every
def test_every_method_builds_its_case_from_words_and_its_words_from_the_case(kind, cases):
    method, arguments = asking.question(kind, {})
    case = cases(case_kind(kind), arguments)
    assert isinstance(case, case_kind(kind))
    again, read = read_again(as_shell(method, of_case(case, arguments)))
    assert again == method
    assert cases(case_kind(kind), read).fingerprint == case.fingerprint


@pytest.fixture(scope="module")
def cases():
    """The case of arguments, built once."""
    built: dict[str, object] = {}

    def build(kind, arguments):
        name = f"{kind}{arguments}"
        if name not in built:
            built[name] = kind.read(arguments)
        return built[name]

    return build


def test_every_kind_of_case_is_tried_here():
    assert all(kind.specs() for kind in CASES)
    assert QUICK.keys() == SMALL.keys() == {kind.case_name for kind in CASES}


@pytest.mark.parametrize("name", QUICK)
def test_what_is_printed_runs_and_gives_the_same_answer_in_the_shell_and_in_python(
    name, tmp_path, monkeypatch, capsys
):
    method, arguments = method_and_arguments(name)
    arguments = of_case(case_kind(type(method)).read(arguments), arguments)
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(as_shell(method, arguments))[3:]) == 0, capsys.readouterr().err
    folder = answer_folder(tmp_path / "out")
    result = json.loads((folder / "result.json").read_text())
    names: dict[str, object] = {}
    exec(as_python(method, arguments), names)  # noqa: S102  # it is what a person would run
    results = names["answer"]
    assert results.record["digest"] == result["provenance"]["digest"]
    assert list(results) == list(result["views"])
    for view in result["views"].values():
        for file in [view["file"], *view.get("files", {}).values()]:
            assert (folder / file).is_file()


@each_case
def test_every_argument_has_a_default_of_its_kind_and_says_what_it_is(case):
    for spec in case.specs().values():
        assert spec.metadata["label"]
        assert spec.metadata["help"].endswith((".", ":"))
        assert spec.metadata["control"].allows(spec.default), spec.name


@every
def test_a_methods_own_defaults_are_arguments_of_its_case(kind):
    specs = case_kind(kind).specs()
    for name, default in kind.argument_defaults.items():
        assert specs[name].metadata["control"].allows(default)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"modle": "digits-cnn"}, "has no 'modle': it has"),
        ({"model": "digits-cnm"}, "digits-cnm"),
        ({"normal": "no such"}, "no such"),
        ({"seed": -1}, "Seed cannot be -1"),
        ({"seed": "many"}, "Seed cannot be 'many'"),
        ({"k": 0}, "cannot be 0"),
        ({"image": "example:digits/90000"}, "no image with id 90000"),
        ({"labels": "x.txt"}, "--labels go with --weights"),
        ({"weights": "x.pt"}, "--model NAME"),
    ],
)
def test_what_is_wrong_is_said_in_words(given, words):
    with pytest.raises(BlindspotError, match=words):
        engine.answer("anomaly.KNN", **given)


def test_a_setting_with_the_name_of_an_argument_is_set_apart():
    given = {"model": "digits-mlp"}, {"model": "retrained"}
    method, arguments = asking.question(MembershipAttack, *given)
    assert (method.model, arguments["model"]) == ("retrained", "digits-mlp")
    assert "settings={'model': 'retrained'}" in as_python(method, arguments)
    assert read_again(as_shell(method, arguments)) == (method, arguments)
    assert "unlearning.MembershipAttack" in as_shell(method, arguments)


def test_settings_are_options_of_the_command_too(tmp_path):
    kind = asking.method_named("sparsity.Prune")
    parsed = parser_of(kind).parse_args(["--ratio", ".5", "--out", str(tmp_path)])
    assert asking.question(kind, {"ratio": parsed.ratio})[0].ratio == 0.5


TEXTS = ["class=3", "class=3,share=0.5,draw=1", "random=0.1,draw=2"]


@pytest.mark.parametrize("text", [*TEXTS, "ids=0+1", "worst=0+1", "easy=0+1"])
def test_a_request_is_what_its_text_says_and_gives_a_text_of_the_same_images(text):
    data = load_data("digits")
    ids = "+".join(map(str, data.ids[data.rows("train")][:2].tolist()))
    text = text.replace("0+1", ids)
    first = request_from(text, data)
    again = request_from(request_text(first, data), data)
    assert (first.kind, first.label) == (again.kind, again.label)
    assert np.array_equal(first.ids, again.ids)


def test_requests_by_text_are_those_of_the_functions():
    data = load_data("digits")
    half = request.of_class(data, 3, 0.5, seed=2)
    assert np.array_equal(request_from("class=3,share=0.5,draw=2", data).ids, half.ids)
    some = request.at_random(data, 0.1, seed=4)
    assert np.array_equal(request_from("random=0.1,draw=4", data).ids, some.ids)
    ids = data.ids[data.rows("train")][:3]
    hard = worst.worst_case(ids, worst.HARDEST)
    assert request_from("worst=" + "+".join(map(str, ids)), data).kind == hard.kind == "worst"
    assert request_from("planted", load_data("digits+poisoned")).kind == "planted"
    for wrong in ("clas=3", "class", "class=three", "class=99", "random=2", "ids=a", ""):
        with pytest.raises(BlindspotError):
            request_from(wrong, data)


def test_a_mode_is_named_by_its_name_or_its_place_where_the_name_could_be_misread():
    data = load_data("digits+merged")
    first = request_from("mode=4,class=0", data)
    assert np.array_equal(first.ids, request.of_mode(data, 0, "4").ids)
    assert request_text(first, data) == "mode=4,class=0"
    assert np.array_equal(request_from("mode=4,class=0 or 2 or 4 or 6 or 8", data).ids, first.ids)
    before = data.truth["class_before"]
    odd = np.where(before == "0", "a,b", np.where(before == "2", "a=b", before))
    named = replace(data, truth={"class_before": odd})
    for mode in ("a,b", "a=b"):
        question = request.of_mode(named, 0, mode)
        text = request_text(question, named)
        assert mode not in text
        assert np.array_equal(request_from(text, named).ids, question.ids)


@pytest.mark.parametrize("text", ["class={}", "class={},share=0.5,draw=1", "mode=3,class={}"])
def test_where_classes_are_called_by_numbers_that_are_not_theirs_a_text_has_the_name(text):
    named = replace(load_data("digits+merged:into=5"), classes=("1", "2", "3", "0", "4"))
    first = request_from(text.format("0"), named)
    assert first.label == 3
    again = request_from(request_text(first, named), named)
    assert (again.kind, again.label) == (first.kind, 3)
    assert np.array_equal(again.ids, first.ids)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("class=3,shar=0.5", "'shar=0.5' is no part of “class”: besides “class” there can be"),
        ("class=3,share", "'share' is no part of “class”"),
        ("class=3,share=0.5,share=0.9", "'share=0.9' is given twice"),
        ("random=0.1,share=0.5", "besides “random” there can be draw, as in random=0.1,draw=1"),
        ("ids=4+17,draw=1", "'draw=1' is no part of “ids”: nothing follows it, as in ids=4"),
        ("planted,draw=1", "is no part of “planted”"),
        ("planted=3", "names nothing to forget"),
        ("ids=" + "9" * 25, "999” cannot be the id: it is a whole number"),
        ("worst=" + "9" * 25, "cannot be the id"),
        ("ids=4+-1", "“-1” cannot be the id"),
        ("group=" + "9" * 5000, "cannot be the group"),
        ("class=" + "9" * 5000, "cannot be the class"),
        ("class=3,share=half", "“half” cannot be the share"),
        ("class=3,share=0.5,draw=-1", "“-1” cannot be the draw"),
        ("random=nan", "“nan” cannot be the share"),
        ("mode=4", "Say of which class the mode is, as in mode=boat,class=0"),
        ("mode=#x,class=3", "cannot be the place of the mode"),
        ("mode=4,class=3", "does not say which modes its classes have"),
        ("mode=4,class=3,share=0.5", "'share=0.5' is no part of “mode”"),
    ],
)
def test_a_request_that_cannot_be_read_names_the_part_that_is_wrong(text, words):
    with pytest.raises(BlindspotError, match=re.escape(words)):
        request_from(text, load_data("digits"))


def test_methods_are_named_with_their_settings():
    ways = MethodsByName(UNLEARNERS)
    for kind in UNLEARNERS:
        assert ways.read(kind.name) == kind() == ways.read(ways.write(kind()))
    changed = ways.read("FT:epochs=3,rate=0.2")
    assert (changed.epochs, changed.rate) == (3, 0.2)
    assert ways.read(ways.write(changed)) == changed
    with pytest.raises(BlindspotError, match="the methods are Retrain, NoOp"):
        ways.read("SNIP")
    with pytest.raises(BadSetting, match="has no setting 'epoch'"):
        ways.read("FT:epoch=3")


def offered(kind, argument, **given):
    """The reason of each option, "" where it can be had."""
    return {option.name: option.reason for option in kind.offered(argument, given)}


def test_what_can_be_chosen_depends_on_the_other_arguments():
    samples = offered(ImageCase, "like")
    assert {*offered(PairCase, "against", image="sample:china")} == {*samples} - {"sample:china"}
    label = example("digits/6").label
    names = offered(PairCase, "against", image="example:digits/6")
    others = [example(name.removeprefix("example:")).label for name in names]
    assert sorted(others) == sorted(2 * [digit for digit in "0123456789" if digit != label])
    assert [*offered(ImageCase, "versus", model="digits-cnn", target="3")] == [*"012456789"]
    assert [*offered(ImageCase, "target", model=load("digits-cnn"))] == [*"0123456789"]
    assert not offered(ImageCase, "target")
    learners = offered(BoardCase, "model", data="digits")
    assert {"digits-cnn", "digits-mlp"} <= learners.keys()
    assert "phantom-cnn" not in learners
    assert "digits" in offered(BoardCase, "data")
    assert next(iter(offered(FamiliarCase, "normal", model="digits-cnn"))) == "digits"
    unknown = offered(FamiliarCase, "unknown", normal="digits")
    assert "holds no class out" in unknown["held-out classes"]
    assert unknown["mnist-5k"] == ""


def test_an_image_without_its_lesion_has_a_name():
    data = load_data("phantoms:count=40")
    row = int(np.flatnonzero(data.truth["mask"].reshape(40, -1).any(1))[0])
    name = f"phantoms:count=40/{data.ids[row]}"
    first = next(iter(offered(PairCase, "against", image=f"example:{name}")))
    assert first == f"twin:{name}"
    twin, ill = open_picture(first).pixels, open_picture(f"example:{name}").pixels
    assert np.array_equal(twin[..., 0], data.truth["twin"][row].squeeze())
    assert not np.array_equal(twin, ill)
    with pytest.raises(BlindspotError, match="only images of data with twins"):
        open_picture("twin:digits/6")


def test_no_option_has_a_comma_which_stands_between_settings():
    for kind in METHODS:
        for spec in fields(kind):
            control = spec.metadata["control"]
            assert not isinstance(control, Choice) or "," not in "".join(control.options)


@pytest.mark.parametrize(
    ("given", "control"),
    [
        (None, Slider(1, 9, 1, off="all")),
        (None, Text(off="none")),
        (True, Switch()),
        (False, Switch()),
        (3, Slider(0, 9, 1)),
        (1 / 3, Slider(0.0, 1.0, 0.1)),
        (1e-5, Slider(0.0, 1.0, 0.1)),
        ("a b", Text()),
        ("signed", Choice(("signed",))),
    ],
)
def test_a_value_is_printed_as_it_is_read(given, control):
    assert value(text_of(given), control) == given


def test_a_case_says_what_it_does_not_know_about_itself():
    uploaded = load("digits-mlp").twin()
    uploaded.name = "file:123456"
    for case, more, words in (
        (small_case("image"), {}, "does not know its image"),
        (small_case("caption"), {}, "does not know its scene"),
        (small_case("familiar"), {"image": "sample:chelsea"}, "unknown="),
        (PruneCase(uploaded, load_data("digits")), {}, "comes from a file"),
    ):
        with pytest.raises(BlindspotError, match=words):
            case.to_arguments(**more)


def test_a_similarity_to_a_second_picture_is_asked_by_its_name():
    choices = {"model": "digits-mlp", "image": "example:digits/6", "like": "example:digits/1"}
    method, arguments = asking.question(asking.method_named("attribution.Gradient"), choices)
    case = ImageCase.read(arguments)
    second = ImageCase.read({**arguments, "image": arguments["like"], "like": None})
    image, other = (case.model.logits(picture[None])[0] for picture in (case.image, second.image))
    cosine = float(image @ other / image.norm() / other.norm())
    assert case.target.unit == "cosine"
    assert float(case.score(case.image[None])[0]) == pytest.approx(cosine, abs=1e-5)
    for known in ({}, {"like": None}):
        with pytest.raises(BlindspotError, match=r"say like=…"):
            case.to_arguments(image="example:digits/6", **known)
    again = case.to_arguments(image="example:digits/6", like="example:digits/1")
    again = ImageCase.every_argument(again)
    assert again == arguments
    assert read_again(as_shell(method, again)) == (method, again)
    with pytest.raises(BlindspotError, match="not about a class"):
        ImageCase.read({**arguments, "target": "3"})


def test_the_pictures_of_a_pair_and_of_words_are_those_that_were_named():
    def against(name, *others):
        return small_case(name, **({"against": others} if others else {}))

    first, second = against("pair").others[0], against("pair", "sample:china").others[0]
    assert not np.array_equal(first.numpy(), second.numpy())
    words = against("words", "each")
    assert len(words.names) == len(words.others) >= 1
    assert all(name.startswith("without the ") for name in words.names)
    category = words.names[0].removeprefix("without the ")
    alone = against("words", f"without:{category}")
    assert np.array_equal(alone.others[0].numpy(), words.others[0].numpy())
    assert against("words", f"faded:{category}").names[0] == "0"


def test_the_first_word_that_is_asked_about_is_a_thing():
    case = case_kind(asking.method_named("hallucination.Looks")).from_arguments(scene=7)
    (place,) = case.places
    word = case.vlm.tokenizer.convert_ids_to_tokens(list(case.said))[place]
    assert word not in {"the", "a", "there", "is", "."}


def test_a_data_set_that_ships_is_not_shadowed_by_a_folder_of_its_name(tmp_path, monkeypatch):
    rows = [nova_files.row(at, [nova_files.box(1, 1, 3, 3)]) for at in range(2)]
    files = nova_files.files(rows, [np.full((9, 9), 50, np.uint8)] * 2)
    nova_files.write(tmp_path / "digits", files)
    monkeypatch.chdir(tmp_path)

    def named(data):
        return LesionsCase.from_arguments(model="digits-cnn", data=data, normal="digits").data

    assert named("digits") is load_data("digits")
    folder_data = named("./digits")
    assert (len(folder_data), folder_data.card.title) == (2, "Images with boxes (NOVA's format)")
    assert named("digits+noisy").name.startswith("digits+noisy")
