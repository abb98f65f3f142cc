"""What the views open with: photographs that ship, and the methods that are shown first."""

import pytest

from engine.attribution import FIRST, HEATMAPS
from engine.attribution.lst.star import Star
from engine.commands.openings import attribution as opening
from engine.evaluation.trust import OtherClass, Shape
from engine.vision.case.opening import about_first
from engine.vision.images.samples import SAMPLES

NAMES = tuple(sample.name for sample in SAMPLES)


@pytest.fixture(scope="module")
def cases():
    """Each photograph with the class that the model sees in it."""
    return {name: about_first(name) for name in NAMES}


def test_one_photograph_is_asked_everything_and_the_others_what_is_shown_first(cases):
    cat = cases["chelsea"]
    views = (opening.minimal, opening.explanations, opening.attacks, opening.experiments)
    asked = [list(view()) for view in views]
    assert [len(questions) for questions in asked] == [2, 1, 2, 6]
    about = [case for questions in asked[:2] for _, case in questions]
    attacked, ordered = (case for _, case in asked[2])
    about += [attacked, ordered.asked, asked[3][-1][1]]
    assert all(case.fingerprint == cat.fingerprint for case in about)
    trials = [
        (check.name, type(case.method), case.asked.fingerprint) for check, case in opening.trials()
    ]
    assert len(trials) == len(NAMES) * (len(FIRST) + 2)
    assert (Shape.name, FIRST[0], cat.fingerprint) in trials
    assert (OtherClass.name, FIRST[0], cat.fingerprint) in trials
    maps = [(type(method), case.fingerprint) for method, case in opening.heatmaps()]
    for name, case in cases.items():
        expected = [k for k in (HEATMAPS if name == "chelsea" else FIRST) if not k.unmet(case)]
        assert [kind for kind, about in maps if about == case.fingerprint] == expected


def test_walks_lead_from_the_first_photograph_to_those_from_the_palace_on(cases):
    walks = {type(method): case for method, case in opening.walks()}
    assert [len(case.others) for case in walks.values()] == [1, 1, 2, 5, 1]
    start = NAMES.index("china")
    for image, name in zip(walks[Star].others, NAMES[start:], strict=False):
        assert image.equal(cases[name].image)
    ends = [(case.source, case.others[0]) for _, case in opening.blind_spots()]
    assert [case.fingerprint for case, _ in ends] == [case.fingerprint for case in cases.values()]
    for name, (_, other) in zip(NAMES, ends, strict=True):
        assert other.equal(cases["chelsea" if name == "china" else "china"].image)


def test_a_planted_shortcut_is_asked_of_both_networks_with_and_without_the_mark():
    asked = list(opening.shortcut())
    assert [case.model.name for _, case in asked[::2]] == ["phantom-cnn-shortcut"] * 3 + [
        "phantom-cnn"
    ]
    assert {case.target.index for _, case in asked[1::2]} == {3}
    marked, healthy, unmarked, control = (case.image for _, case in asked[1::2])
    assert unmarked.equal(control)
    pairs = (marked, unmarked), (marked, healthy), (healthy, unmarked)
    assert not any(first.equal(second) for first, second in pairs)
