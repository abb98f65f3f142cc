"""A plan says what is crossed, and one sentence says what is wrong with it."""

from pathlib import Path

import pytest

from engine.core.errors import BlindspotError
from engine.sweep import images
from engine.sweep import plan as plans
from engine.sweep.plan import read_plan
from tests.engine.vision.data.nova_files import write

HEAD = 'methods = ["attribution.GradCam"]\n'


@pytest.fixture
def read(tmp_path):
    def of(lines):
        path = tmp_path / "plan.toml"
        path.write_text(lines, "utf-8")
        return read_plan(path)

    return of


def test_every_list_is_crossed_with_every_other(read):
    plan = read("""
        methods = ["attribution.GradCam", "attribution.Occlusion"]
        images = { data = "digits", count = 3 }
        models = ["digits-cnn", "digits-mlp"]
        [arguments]
        seed = [0, 1]
        [settings."attribution.Occlusion"]
        side = [2, 3]
        overlap = 0
        cover = ["mean", "black"]
    """)
    questions = plan.questions()
    assert len(questions) == len(set(questions)) == 3 * 2 * 2 * (1 + 2 * 2)
    models = [dict(question.given)["model"] for question in questions]
    assert models == ["digits-cnn"] * 30 + ["digits-mlp"] * 30  # one is loaded after the other
    titles = [question.image.title for question in questions[:30]]
    assert titles == sorted(titles, key=titles.index)  # and an image is seen once for all
    assert len(set(titles)) == 3
    method, arguments = questions[1].ask()
    assert method.settings() == {"side": 2, "overlap": 0.0, "cover": "mean"}
    assert isinstance(method.overlap, float)  # else its digest were another than the app's
    assert (arguments["model"], arguments["seed"]) == ("digits-cnn", 0)


def test_data_may_be_swept_instead_of_images(read):
    plan = read("""
        methods = ["unlearning.SSD"]
        data = ["digits", "digits+noisy"]
        models = "digits-cnn"
        arguments = { forget = ["class=3", "random=0.1"] }
    """)
    assert [dict(question.given) for question in plan.questions()] == [
        {"forget": forget, "model": "digits-cnn", "data": data}
        for forget in ("class=3", "random=0.1")
        for data in ("digits", "digits+noisy")
    ]
    familiar = read('methods = "anomaly.KNN"\ndata = "digits"\nmodels = "digits-cnn"\n')
    assert dict(familiar.questions()[0].given) == {"model": "digits-cnn", "normal": "digits"}


def test_a_list_in_a_list_is_one_value(read):
    plan = read("""
        methods = ["attribution.LST"]
        arguments = { against = [["sample:china", "sample:coffee"], "sample:flower"] }
    """)
    results = [question.ask()[1]["against"] for question in plan.questions()]
    assert results == [("sample:china", "sample:coffee"), ("sample:flower",)]


def test_a_folder_gives_its_files_with_the_folder_they_lie_in_as_label(read, tmp_path):
    names = ("b/2.png", "b/10.png", "a/in/1.png", "loose.png", ".hidden/3.png", "a/Thumbs.db")
    write(tmp_path / "photos", dict.fromkeys(names, b""))
    result = read(f'{HEAD}images = "photos"').images
    labels = {"a/in/1.png": "in", "b/10.png": "b", "b/2.png": "b", "loose.png": ""}
    assert [(image.title, image.label) for image in result] == [*labels.items()]
    assert result[0].source == str(tmp_path / "photos/a/in/1.png")
    named = read(f'{HEAD}images = ["sample:chelsea", "photos/loose.png"]').images
    sources = ["sample:chelsea", str(tmp_path / "photos/loose.png")]
    assert [image.source for image in named] == sources


def test_a_folder_with_too_many_files_is_refused_while_it_is_walked(tmp_path, monkeypatch):
    write(tmp_path / "many", {f"{at}.png": b"" for at in range(9)})
    visited, real = [], Path.is_file
    monkeypatch.setattr(Path, "is_file", lambda path: visited.append(path) or real(path))
    monkeypatch.setattr(images, "MAX_IMAGES", 3)
    with pytest.raises(BlindspotError, match="more than 3 files: sweep parts"):
        images.in_folder(tmp_path / "many")
    assert len(visited) == 4


def test_a_split_gives_some_of_each_class(read):
    result = read(f'{HEAD}images = {{ data = "digits", count = 20, seed = 1 }}').images
    assert sorted(image.label for image in result) == sorted("0123456789" * 2)
    assert all(image.source == f"example:{image.title}" for image in result)
    assert len(read(f'{HEAD}images = {{ data = "digits", split = "validation" }}').images) > 100


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("methods = [", "is no toml"),
        (f"{HEAD}models = []", "empty list"),
        ("", "needs methods"),
        ("method = 3", "did you mean methods"),
        ('methods = "attribution.Gradcam"', "did you mean attribution.gradcam"),
        (f"{HEAD}arguments = 3", "is a table"),
        (f"{HEAD}models = {{}}", "cannot be {}"),
        (f"{HEAD}arguments = {{ sede = 3 }}", "has no argument 'sede'"),
        (f'{HEAD}data = "digits"', "has no argument 'data'"),
        (f'{HEAD}arguments = {{ image = "a.png" }}', "named by images"),
        (f"{HEAD}arguments = {{ seed = [[1, 2], -1] }}", "seed"),
        (f"{HEAD}settings = {{ GradCam = {{ layer = 3 }} }}", "in quotes"),
        (f'{HEAD}settings = {{ "attribution.GradCam" = {{ side = 3 }} }}', "has no 'side'"),
        (f'{HEAD}settings = {{ "attribution.GradCam" = {{ raising = 3 }} }}', "yes or no"),
        (f"{HEAD}images = 3", "a folder, a list"),
        (f'{HEAD}images = "gone"', "no folder"),
        (f'{HEAD}images = "empty"', "no image in"),
        (f"{HEAD}images = {{ count = 3 }}", "without data"),
        (f'{HEAD}images = {{ data = "digits", split = "all" }}', "no split 'all'"),
        (f'{HEAD}images = {{ data = "digits", count = -1 }}', "count cannot be -1"),
        (f'{HEAD}images = {{ data = "digits", count = 0 }}', "no image in test"),
        (f'{HEAD}images = {{ data = "digits", splt = "test" }}', "did you mean split"),
        (f'{HEAD}images = {{ data = "no-such" }}', "no data set"),
        ('methods = "unlearning.SSD"\nimages = { data = "digits" }', "has no argument 'image'"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(read, tmp_path, lines, words):
    (tmp_path / "empty").mkdir()
    with pytest.raises(BlindspotError) as refused:
        read(lines).questions()
    assert words in str(refused.value).lower()
    assert "\n" not in str(refused.value)


def test_a_plan_is_bounded(read, monkeypatch):
    monkeypatch.setattr(plans, "MOST", 5)
    with pytest.raises(BlindspotError, match="has 6 answers; at most 5"):
        read(f'{HEAD}images = {{ data = "digits", count = 6 }}').questions()
    monkeypatch.setattr(plans, "crossings", lambda axes: pytest.fail("crossed before counted"))
    two = 'methods = ["attribution.GradCam", "attribution.Occlusion"]\n'
    with pytest.raises(BlindspotError, match="has 6 answers; at most 5"):
        read(f"{two}arguments = {{ seed = [1, 2, 3] }}").questions()
    monkeypatch.setattr(plans, "MOST_BYTES", 3)
    with pytest.raises(BlindspotError, match="that is no plan"):
        read(HEAD)
