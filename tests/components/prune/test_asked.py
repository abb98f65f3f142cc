"""What Prune keeps for all visitors is kept apart by all that a person reads."""

from components.prune.asked import case_of, named
from engine.models.catalog import load


def test_two_people_with_the_same_weights_read_their_own_class_names():
    model, own = load("digits-cnn"), load("digits-cnn").twin()
    own.labels = tuple("ABCDEFGHIJ")
    assert case_of(own, named(own), 0).model.labels == own.labels
    assert case_of(model, named(model), 0).model.labels == model.labels
