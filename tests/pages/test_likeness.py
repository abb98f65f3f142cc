"""On Heatmaps the score may be how similar the image is to a second one."""

from io import BytesIO

from PIL import Image

from components.heatmaps.likeness import SIMILARITY
from engine import run
from engine.attribution.heatmaps.gradient import Gradient
from engine.case import model_input, similarity_case
from engine.images import Crop
from engine.images.samples import sample
from engine.models.catalog import load
from tests.visits import problems, provenance, question_in, settled, visit, words

LINK = {"heatmaps.methods": ["Gradient"], "heatmaps.score": SIMILARITY}


def test_a_similarity_is_asked_of_features_and_its_lines_ask_the_same():
    model = load()
    image, other = (model_input(sample(name), Crop(), model) for name in ("chelsea", "coffee"))
    case = similarity_case(model, image, other)
    at = settled(visit(LINK | {"heatmaps.like": "A cup of coffee"}))
    assert not problems(at)
    assert "make it similar to “A cup of coffee” for EfficientNet-Lite0?" in words(at)
    assert "similarity to the second image" in provenance(at)[0]
    python, shell = [
        block.value for block in at.code if block.language in ("python", "bash", "shell")
    ]
    assert "like='sample:coffee'" in python
    assert "--like sample:coffee" in shell
    assert question_in(python) == run.digest(Gradient(), case)
    assert run.kept_answer(Gradient(), case) is not None


def test_a_second_image_of_one_s_own_is_asked_and_its_file_is_not_named():
    at = settled(visit(LINK))
    pixels = []
    for name in ("coffee", "rocket"):  # another file in the same place is another question
        buffer = BytesIO()
        Image.fromarray(sample(name).pixels).save(buffer, "PNG")
        uploaded = ("secret-name.png", buffer.getvalue(), "image/png")
        at.file_uploader(key="partners.files").set_value([uploaded]).run()
        at.selectbox(key="heatmaps.like").set_value("Your image 1").run()
        settled(at)
        assert not problems(at)
        assert "similar to “Your image 1”" in words(at)
        assert "secret" not in str(dict(at.query_params))
        assert not [block for block in at.code if block.language == "python"]
        pixels.append(at.session_state["partners.own"]["Your image 1"].pixels.mean())
    assert pixels[0] != pixels[1]
