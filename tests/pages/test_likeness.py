"""On Heatmaps the score may be how similar the image is to a second one."""

from components.heatmaps.likeness import SIMILARITY
from engine import run
from engine.attribution.heatmaps.gradient import Gradient
from engine.case import shown, similarity_case
from engine.images import Crop
from engine.images.samples import sample
from engine.models.catalog import load
from tests.visits import provenance, question_in, said, settled, visit, words

LINK = {"heatmaps.methods": ["Gradient"], "heatmaps.score": SIMILARITY}


def test_a_similarity_is_asked_of_features_and_its_lines_ask_the_same():
    model = load()
    image, other = (shown(sample(name), Crop(), model) for name in ("chelsea", "coffee"))
    case = similarity_case(model, image, other)
    at = settled(visit(LINK | {"heatmaps.like": "A cup of coffee"}))
    assert not said(at)
    assert "make it similar to the other one" in words(at)
    assert "similarity to the second image" in provenance(at)[0]
    python, shell = [each.value for each in at.code if each.language in ("python", "bash", "shell")]
    assert "like='sample:coffee'" in python
    assert "--like sample:coffee" in shell
    assert question_in(python) == run.digest(Gradient(), case)
    assert run.known(Gradient(), case) is not None
