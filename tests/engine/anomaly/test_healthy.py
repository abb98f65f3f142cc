"""Images in which nothing is odd, by name."""

import numpy as np
from PIL import Image

from engine.anomaly.case import split
from engine.anomaly.healthy import TEXTURES, TWINS, texture
from engine.anomaly.sources import normal, normal_sources
from engine.arguments.normal import group_of
from engine.data import load
from engine.images.samples import Sample
from engine.models import catalog


def test_squares_of_a_texture_lie_side_by_side_and_the_right_half_is_held_out():
    for name in TEXTURES:
        result = normal(name)
        assert result is texture(name)
        path = Sample(name, "", "", "skimage", f"data/{name}.png").path()
        whole = np.asarray(Image.open(path).convert("L"))
        assert np.array_equal(result.images[9, 0], whole[64:128, 64:128])  # eight in a row
        fit, held_out = split(result)
        assert set(fit % 8) == {0, 1, 2, 3}
        assert set(held_out % 8) == {4, 5, 6, 7}


def test_they_are_offered_for_every_model_after_what_it_learned_from():
    for model in ("lite0", "phantom-cnn"):
        names = [source.name for source in normal_sources(catalog.load(model))]
        assert names[-4:] == [TWINS, *TEXTURES]


def test_a_phantom_s_own_patient_is_left_out_of_its_healthy_twins():
    twins, phantoms = normal(TWINS), load("phantoms:count=200")
    assert group_of("example:phantoms:count=200/57", twins) == phantoms.truth["group"][57] == 5
    assert group_of("example:digits/57", twins) is None
    assert group_of("sample:chelsea", twins) is None
    lesions = load("phantoms").truth["mask"].any((1, 2))
    assert np.array_equal(twins.images[~lesions], load("phantoms").images[~lesions])
    assert (twins.images[lesions] != load("phantoms").images[lesions]).any((1, 2, 3)).all()
