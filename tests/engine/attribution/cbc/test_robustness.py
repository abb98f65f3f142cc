"""Robust against plain prototypes, measured again image by image."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.attribution.cbc import PrototypeNetwork, PrototypeRobustness
from engine.attribution.cbc.attack import AttackBudget
from engine.attribution.cbc.learning import in_doubles, leads
from engine.attribution.cbc.robustness import CBC, CERTIFIED, FORMS, PLAIN, standing
from engine.core.run import answer
from engine.evaluation.experiment import ExperimentCase
from engine.vision import data as data_sets
from tests import tiny

SMALL = PrototypeRobustness(components=6, epochs=10, images=12, tries=2, farthest=1.0)


def case():
    return ExperimentCase(tiny.columns(8, ("a", "b", "c")))


@pytest.fixture(scope="module")
def result():
    reports = []
    result = SMALL(case(), lambda done, words="", partial=None: reports.append((done, words)))
    assert [done for done, _ in reports] == sorted(done for done, _ in reports)
    for number, name in enumerate(FORMS):
        places = [done for done, words in reports if words.startswith(f"{name}: ")]
        assert number / len(FORMS) <= min(places) <= max(places) <= (number + 1) / len(FORMS)
    return result


@pytest.mark.parametrize("name", [PLAIN, CBC, CERTIFIED])
def test_certified_and_attacked_accuracy_are_those_of_images_asked_one_by_one(name, result):
    how, data = SMALL.learners()[name], case().data
    model = how.restored(answer(how, case())["network"], data)
    curves, rows = result["curves"].take(range(0, len(result["curves"]), 3)), data.some("test", 12)
    distances = torch.tensor(curves["distance"], dtype=torch.float32)
    proved, resisted = np.zeros((2, len(distances)))

    def classified(batch):
        return model(batch.expand(-1, 3, -1, -1))

    for row in rows.tolist():
        image = torch.from_numpy(data.images[row] / np.float32(255))[None]
        prediction = classified(image).argmax(1)
        if int(prediction) != data.labels[row]:
            continue
        with torch.no_grad():
            stand = leads(in_doubles(model), image.expand(-1, 3, -1, -1).double(), prediction)
        least = np.inf
        for place, distance in enumerate(distances.view(-1, 1)):
            with torch.no_grad():
                proved[place] += float(stand.least(distance).min()) > 0
            tries, _ = AttackBudget(restarts=1)(classified, image, prediction, distance, 0)
            least = min(least, float(tries.min()))
            resisted[place] += least > 0
    certified, attacked = (curves[f"{name}, {kind}"] for kind in ("certified", "attacked"))
    assert certified == pytest.approx(proved / len(rows), abs=0.01)
    assert (attacked <= resisted / len(rows) + 0.01).all()  # it tries from two places
    assert attacked == pytest.approx(resisted / len(rows), abs=0.18)
    whole = result["curves"]
    assert (whole[f"{name}, attacked"] >= whole[f"{name}, certified"] - 1e-9).all()


def test_no_attack_beats_a_certificate_and_every_network_has_its_row(result):
    networks = result["networks"]
    assert networks.rows == FORMS
    assert (networks["successes inside"] == 0).all()
    assert networks["attacks inside"].max() == 24  # 12 images, 2 tries
    for name, how in SMALL.learners().items():
        accuracy = answer(how, case())["figures"]["test accuracy"]
        assert networks.cell(name, "test accuracy") == pytest.approx(accuracy, abs=1e-6)
    learners, plain = SMALL.learners(), PrototypeNetwork(components=6, margin=0.025, epochs=10)
    assert learners[CERTIFIED] == replace(plain, robust=0.3)
    assert learners[CBC] == plain
    assert len(set(learners.values())) == len(FORMS)
    words, attacks = SMALL.finding(case(), result), int(networks["attacks inside"].sum())
    assert words.endswith(f"0 of {attacks:,} attacks beat a certificate.")
    share = 100 * networks.cell(CERTIFIED, "certified")
    assert words.startswith(f"{share:.0f} % of the answers")


def test_two_thousand_attacks_on_digits_beat_no_certificate_and_some_get_through_farther_out():
    how, digits = PrototypeNetwork(), ExperimentCase(data_sets.load("digits"))
    result = answer(how, digits)
    assert result["figures"]["test accuracy"] >= 0.95
    model = how.restored(result["network"], digits.data)
    images, labels, stand, _ = standing(model, digits.data, digits.data.some("test", 200))
    mean, attacks, beaten, turned = PrototypeRobustness(tries=10).tried(
        model, images, labels, stand.own_widths(), torch.ones(200, dtype=torch.bool), 0
    )
    assert mean > 0.1
    assert attacks == 2_000
    assert not beaten
    assert turned > 0.05
