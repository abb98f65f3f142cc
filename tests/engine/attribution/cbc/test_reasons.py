"""The answer to one image: its parts, what would flip it, its certificate; the person's own."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.attribution.cbc import PrototypeNetwork, Prototypes, about_picture, about_row, reasons
from engine.attribution.cbc.learning import inner_network
from engine.attribution.cbc.networks import DEEP, INDEFINITE, NEGATIVE, POSITIVE, RBF
from engine.attribution.cbc.reasons import LEFT_OUT, PARTS, bar_table, summed, with_indefinite
from engine.attribution.cbc.reasons import PICTURED_PROTOTYPES as PICTURED
from engine.core.errors import BlindspotError
from engine.core.result import Table
from engine.core.run import answer
from engine.vision.data.example import example_picture
from engine.vision.images import Crop
from tests import tiny
from tests.engine.attribution.cbc import by_hand

SMALL = Prototypes(components=12, epochs=30, tries=2)


def data():
    return tiny.columns(8, ("a", "b", "c"))


def case(place=0):
    return about_row(data(), int(data().rows("test")[place]))


def network(method=SMALL):
    """The trained network that the method rests on."""
    result = answer(PrototypeNetwork(**method.learned_as()), case().learned)
    return method.restored(result["network"], data())


@pytest.mark.parametrize("reasoning", [NEGATIVE, POSITIVE, INDEFINITE])
def test_the_parts_are_the_formula_written_out_and_sum_to_one(reasoning):
    method = replace(SMALL, reasoning=reasoning)
    result, model = method(case()), inner_network(network(method))
    image = case().image.flatten().tolist()
    detections = by_hand.detections(image, model.places.tolist(), model.widths.tolist())
    theta = model.head.theta.detach().numpy()
    scores = by_hand.scores(detections, theta, reasoning)
    assert result["scores"].values == pytest.approx(scores, abs=1e-5)
    order = np.argsort(scores)[::-1]
    outcome = result["outcome"]
    assert [outcome[name][0] for name in ("answer", "rival")] == order[:2].tolist()
    for parts, label in ((result["parts"], order[0]), (result["rival parts"], order[1])):
        plus, minus = by_hand.reasons(theta[:, label].astype(float).tolist(), reasoning, 12)
        for row, place in enumerate(parts["number"].tolist()):
            d, wants, avoids = detections[place], plus[place], minus[place]
            expected = [d * wants, (1 - d) * avoids, d * avoids, (1 - d) * wants]
            assert [parts[part][row] for part in PARTS] == pytest.approx(expected, abs=1e-6)
        sums = [parts[part].sum() for part in PARTS]
        assert sum(sums) == pytest.approx(1, abs=1e-6)
        assert sums[0] + sums[1] == pytest.approx(scores[label], abs=1e-5)
    summed_parts = summed(result["parts"])
    assert len(summed_parts) == PICTURED + 1
    assert sum(summed_parts[part].sum() for part in PARTS) == pytest.approx(1, abs=1e-6)


def test_what_one_prototype_would_have_to_be_makes_both_classes_level():
    answers = ((case(place), SMALL(case(place))) for place in range(24))
    image_case, result = next(
        pair for pair in answers if np.isfinite(pair[1]["changes"]["needed"]).any()
    )
    model = inner_network(network())
    with torch.no_grad():
        detections = model.detections(image_case.pixels)[0].double()
        weights, offset = (tensor.double() for tensor in model.head.linear())
    label, rival = (int(result["outcome"][name][0]) for name in ("answer", "rival"))

    def lead(place, detection):
        """Of the answer over its rival, were that prototype seen so much."""
        changed = detections.clone()
        changed[int(place)] = detection
        score = changed @ weights + offset
        return float(score[label] - score[rival])

    for place, needed in zip(*(result["changes"][n] for n in ("number", "needed")), strict=True):
        if np.isfinite(needed):
            assert lead(place, needed) == pytest.approx(0, abs=1e-6)
            assert 0 <= needed <= 1
        else:
            assert min(lead(place, 0.0), lead(place, 1.0)) > 0


def test_the_attack_stays_above_what_is_proved_and_the_finding_has_its_figures():
    result, model = SMALL(case()), network()
    margins, outcome, parts = (result[name] for name in ("margins", "outcome", "parts"))
    assert (margins["attacked"] >= margins["proved"] - 1e-5).all()
    lead = float(outcome["score"][0] - outcome["second"][0])
    assert margins["proved"][0] == pytest.approx(lead, abs=1e-5)
    assert margins["attacked"][0] == pytest.approx(lead, abs=1e-5)
    radius, closed, flip = (
        float(outcome[name][0]) for name in ("certificate", "closed form", "flip")
    )
    assert 0 < closed <= radius < flip
    assert margins["distance"][-1] == pytest.approx(5 * radius, rel=1e-5)
    crossed = np.interp(radius, margins["distance"], margins["proved"])
    assert crossed == pytest.approx(0, abs=0.02)
    other = torch.from_numpy(result["flip"].images[0, 1].transpose(2, 0, 1) / np.float32(255))
    assert float((other - case().image).norm()) == pytest.approx(flip, abs=0.05)
    with torch.no_grad():
        label = int(model(other.expand(3, -1, -1)[None]).argmax())
    assert result["flip"].columns[1] == f"read as {data().classes[label]}"
    assert label != outcome["answer"][0]
    says = data().classes[int(outcome["answer"][0])]
    words = SMALL.finding(case(), result)
    assert words.startswith(f"Read as {says}: {100 * parts[PARTS[0]].sum():.0f} % for what is seen")
    assert f"No change below {radius:.2f}" in words
    blank = replace(case(), image=torch.zeros(1, 8, 8))
    assert SMALL.finding(blank, SMALL(blank)).startswith(reasons.BLANK)


def test_the_deep_form_shows_patches_and_promises_nothing():
    method = replace(SMALL, network=DEEP, epochs=3)
    result = method(case())
    assert not {"margins", "flip"} & result.keys()
    assert "certificate" not in result["outcome"].order
    assert result["picture"].images.shape[:4] == (2, PICTURED, 5, 5)
    model = inner_network(network(method)).eval()
    with torch.no_grad():
        for column, place in enumerate(result["parts"]["number"][:PICTURED].astype(int)):
            patch = result["picture"].images[1, column].transpose(2, 0, 1) / np.float32(255)
            share = model.maps(torch.from_numpy(patch).expand(1, 3, 5, 5))[0, place].item()
            detection = result["parts"]["seen"][column]
            assert detection == pytest.approx(share if share >= 0.1 else 0, abs=1e-3)
    assert "No change" not in method.finding(case(), result)


def test_the_certificate_in_words(snapshot):
    outcomes = [
        Table.of({"certificate": ([radius], ""), "flip": ([flip], "")})
        for radius, flip in ((0.5, 1.25), (np.inf, np.nan), (0.0, np.nan))
    ]
    assert [reasons.certificate_words(outcome) for outcome in outcomes] == snapshot


def test_what_the_old_cbc_leaves_out_is_the_fifth_part_of_every_prototype():
    method = replace(SMALL, reasoning=INDEFINITE)
    result, model = method(case()), inner_network(network(method))
    outcome, image = result["outcome"], case().image.flatten().tolist()
    detections = by_hand.detections(image, model.places.tolist(), model.widths.tolist())
    theta = model.head.theta.detach().double().numpy()
    states = by_hand.states(theta[:, int(outcome["answer"][0])].tolist(), 12)
    share = np.mean([indefinite for *_, indefinite in states])
    assert outcome["left out"][0] == pytest.approx(share, abs=1e-6)
    assert f"{100 * share:.0f} % of its prototypes" in reasons.ignored_words(outcome, INDEFINITE)
    assert reasons.ignored_words(outcome, NEGATIVE) == ""
    for view, role in (("parts", "answer"), ("rival parts", "rival")):
        states = by_hand.states(theta[:, int(outcome[role][0])].tolist(), 12)
        five = with_indefinite(result[view], sum(state[2] for state in states) / 12)
        assert five.order == (*PARTS, LEFT_OUT)
        for row, place in enumerate(result[view]["number"].astype(int).tolist()):
            d, (positive, negative, indefinite) = detections[place], states[place]
            expected = [d * positive, (1 - d) * negative, d * negative, (1 - d) * positive]
            shares = [five[part][row] for part in five.order]
            assert shares == pytest.approx([*expected, indefinite], abs=1e-5)
            assert sum(shares) == pytest.approx(1, abs=1e-9)
            for names, whole in (
                (reasons.POSITIVE_PARTS, positive),
                (reasons.NEGATIVE_PARTS, negative),
            ):
                assert sum(five[part][row] for part in names) == pytest.approx(whole, 1e-4)
    left_out = float(outcome["left out"][0])
    five = with_indefinite(result["parts"], left_out)
    means = {name: five[name].mean() for name in five.order}
    assert means[LEFT_OUT] == pytest.approx(left_out, abs=1e-6)
    score = sum(means[part] for part in PARTS[:2]) / (1 - means[LEFT_OUT])
    assert score == pytest.approx(outcome["score"][0], abs=1e-6)


def test_five_parts_by_hand_and_means_of_others_and_all():
    """Two prototypes, one wholly indefinite: what is left of the other is the whole score."""
    shares = zip(PARTS, (0.4, 0.3, 0.2, 0.1), strict=True)
    columns = {part: ([share, 0.0], "share") for part, share in shares}
    parts = Table.of(columns, ["prototype 2", "prototype 1"])
    five = with_indefinite(parts, 0.75)
    assert five.rows == ("prototype 2", "prototype 1")
    assert [five[part][0] for part in five.order] == pytest.approx([0.2, 0.15, 0.1, 0.05, 0.5])
    assert [five[part][1] for part in five.order] == pytest.approx([0, 0, 0, 0, 1])
    rows = bar_table(five)
    assert rows.rows == ("prototype 2", "prototype 1", reasons.ALL)
    assert rows[LEFT_OUT].tolist() == pytest.approx([0.5, 1, 0.75])
    drawn = np.random.default_rng(0).dirichlet(np.ones(5), 20)
    columns = dict(zip(five.order, drawn.T, strict=True))
    table = {name: (shares, "share") for name, shares in columns.items()}
    rows = bar_table(Table.of(table, map(str, range(20))))
    assert rows.rows[PICTURED:] == (reasons.OTHERS, reasons.ALL)
    for name, shares in columns.items():
        others, every = rows[name][PICTURED:]
        assert others == pytest.approx(sum(shares[PICTURED:]) / 14)
        assert every == pytest.approx((sum(shares[:PICTURED]) + 14 * others) / 20)
    assert sum(rows[name] for name in columns) == pytest.approx(np.ones(PICTURED + 2))


def test_other_shapes_no_numbers_and_free_weights_are_refused():
    with pytest.raises(BlindspotError, match=r"are \(1, 8, 8\), not \(3, 8, 8\)"):
        replace(case(), image=torch.zeros(3, 8, 8))
    with pytest.raises(BlindspotError, match="no number"):
        replace(case(), image=torch.full((1, 8, 8), torch.nan))
    with pytest.raises(BlindspotError, match="no parts that sum to one"):
        Prototypes(reasoning=RBF)


def test_dark_strokes_are_inverted_and_a_case_knows_its_image():
    dark = replace(data(), images=np.where(data().images == 250, 250, 20).astype(np.uint8))
    inverted, note = about_picture(dark, example_picture(255 - dark.images[0]), Crop())
    assert note
    assert np.array_equal(inverted.shown[..., 0], dark.images[0, 0])
    plain, note = about_picture(dark, example_picture(dark.images[0]), Crop())
    assert not note
    assert plain.fingerprint == inverted.fingerprint == about_row(dark, 0).fingerprint
    three = case(3)
    assert three.pixels.shape == (1, 3, 8, 8)
    assert three.shown.shape == (8, 8, 3)
    assert all(torch.equal(channel, three.image[0]) for channel in three.pixels[0])
    assert three.row == int(data().rows("test")[3])
    assert replace(case(), image=torch.zeros(1, 8, 8)).row is None
