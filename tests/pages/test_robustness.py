"""The view Robustness: the answer first, the slider, a list in order, and what is said in words."""

import numpy as np
import pytest

from components.robustness import form, maps
from components.robustness.drawings import MARGIN
from components.robustness.form import KEY
from components.robustness.key_points import CONTROL, KEY_POINTS
from components.views import ROBUSTNESS
from engine.attribution.quadattack.many_images import AttackedImagesCase
from engine.attribution.quadattack.methods import QuadAttacK
from engine.attribution.quadattack.order_success import OrderedSuccess
from engine.attribution.quadattack.ordered_case import OrderedCase, drawn_order
from engine.attribution.robustness.followed import MAPS, NEW, SAME, TIMES, MapsFollow
from engine.attribution.robustness.gradient_steps import FGSM, PGD
from engine.attribution.robustness.scored import attacked_pixels
from engine.attribution.safecv.method import SafeCV
from engine.core.result import Table
from engine.core.run import answer
from engine.evaluation.detection import sources
from engine.evaluation.trust import Order, TrustCase
from engine.evaluation.trust.verdict import verdict_table
from engine.vision.case import PairCase
from engine.vision.models import catalog
from tests import tiny
from tests.visits import at_view, problems, settled, visit, words


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(catalog, "load", lambda name="": tiny.cnn())


SEARCH = SafeCV(queries=50)  # the search that only asks takes longest


def open_view(**link):
    return settled(visit({f"{KEY}.SafeCV.queries": "50"} | link, ROBUSTNESS))


def case_of(at):
    return at.session_state["subject"].case


def order_of(at):
    return next(widget for widget in at.multiselect if widget.key == f"{KEY}.order")


def test_the_sentence_and_every_section_say_what_the_methods_find():
    at = open_view()
    assert not problems(at)
    case, text = case_of(at), words(at)
    result = answer(PGD(), case)
    assert PGD().finding(case, result) in text
    ordered = OrderedCase(case, drawn_order(len(case.model.labels), case.target.index))
    assert QuadAttacK().finding(ordered, answer(QuadAttacK(), ordered)) in text
    pair = PairCase(case, (attacked_pixels(result),))
    assert MapsFollow().finding(pair, answer(MapsFollow(), pair)) in text
    few = answer(SEARCH, case)
    assert SEARCH.finding(case, few) in text
    assert KEY_POINTS.finding(few) in text
    assert CONTROL.finding(few) in text


def test_the_slider_is_the_bound_and_zero_changes_nothing():
    at = open_view()
    slider = next(widget for widget in at.main.slider if widget.key == f"{KEY}.epsilon")
    slider.set_value(0).run()
    assert "Nothing is changed" in words(settled(at))
    slider.set_value(64).run()
    case, method = case_of(at), PGD(epsilon=64)
    assert method.finding(case, answer(method, case)) in words(settled(at))


def test_a_link_names_attack_bound_and_order():
    at = open_view(**{f"{KEY}.attack": FGSM.title, f"{KEY}.epsilon": "5"})
    case = case_of(at)
    assert FGSM(epsilon=5).finding(case, answer(FGSM(epsilon=5), case)) in words(at)
    offered = order_of(at).options
    assert case.model.labels[case.target.index] not in offered
    order = [offered[1], offered[0]]
    again = open_view(**{f"{KEY}.order": order})
    assert order_of(again).value == order
    assert f"Can it be made to say {', '.join(order)}?" in words(again)


def test_the_order_is_that_of_choosing_and_an_empty_list_or_the_answer_itself_are_refused():
    at = open_view()
    offered = order_of(at).options
    order_of(at).set_value([offered[2], offered[0]]).run()
    assert f"{offered[2]}, {offered[0]}" in words(settled(at))
    order_of(at).set_value([]).run()
    assert "Choose at least one class" in " ".join(problems(settled(at)))
    label = case_of(at).model.labels[case_of(at).target.index]
    at = open_view(**{f"{KEY}.order": label})
    assert f"asks for “{label}” as Your order" in " ".join(problems(at))


def test_lists_of_growing_length_are_counted_on_request():
    at = open_view(**{f"{KEY}.length.count": "2"})
    next(button for button in at.button if button.label == "Attack them all").click().run()
    text = words(settled(at))
    case = AttackedImagesCase(case_of(at).model, sources.normal(sources.PHOTOGRAPHS), 2)
    assert OrderedSuccess().finding(case, answer(OrderedSuccess(), case)) in text


def test_classes_that_another_model_does_not_have_give_way_to_a_list_by_chance():
    at = at_view(ROBUSTNESS)
    at.session_state[f"{KEY}.order"] = ["a class of another model"]
    at = settled(at.run())
    labels = case_of(at).model.labels
    drawn = drawn_order(len(labels), case_of(at).target.index)
    assert order_of(at).value == [labels[index] for index in drawn]
    assert not problems(at)


def test_the_way_there_says_what_a_margin_below_0_means():
    result = PGD()(tiny.cnn_case())
    assert MARGIN.chart.line_name == "its probability is 50 %"
    assert "below 0 it has less than 50 %" in MARGIN.finding(result)


def test_maps_are_compared_after_the_order_too():
    at = open_view(**{f"{KEY}.after": maps.ORDER})
    assert not problems(at)
    case = case_of(at)
    ordered = OrderedCase(case, drawn_order(len(case.model.labels), case.target.index))
    pair = PairCase(case, (attacked_pixels(answer(QuadAttacK(), ordered)),))
    assert MapsFollow().finding(pair, answer(MapsFollow(), pair)) in words(at)


def test_the_maps_are_put_on_trial_beside_how_far_they_moved():
    at = open_view()
    button = next(b for b in at.button if b.label.startswith("Put the maps on trial"))
    text = words(settled(button.click().run()))
    case = case_of(at)
    pair = PairCase(case, (attacked_pixels(answer(PGD(), case)),))
    result = answer(MapsFollow(), pair)
    table = result["followed"]
    kinds = [kind for kind in MAPS if kind.title in table.rows]
    views = {kind.title: answer(Order(), TrustCase(case, kind()))["check"] for kind in kinds}
    assert len(views) == len(table) > 1
    assert "\n".join(maps.trial_lines(Order(), table, views)) in text
    assert maps.pass_counts(result, views) in text


def test_maps_that_moved_and_maps_that_carry_the_score_are_counted_apart(snapshot):
    alike = {NEW: (np.array([0.2, 0.4, 0.8], np.float32), ""), SAME: (np.ones(3, np.float32), "")}
    table = Table.of(alike, ("a", "b", "c"))
    classes = Table.grid(np.array([[0], [1]], np.float32), TIMES, ("class",), ("number",))
    views = {name: verdict_table("", 1 - 2 * (name == "b"), "") for name in "abc"}
    assert maps.pass_counts({"followed": table, "said": classes}, views) == snapshot
    assert maps.trial_lines(Order(), table, {"b": views["b"]}) == snapshot
    alike[NEW] = (np.array([0.2, 0.4, np.nan], np.float32), "")
    table = Table.of(alike, ("a", "b", "c"))
    assert maps.pass_counts({"followed": table, "said": classes}, views) == snapshot
    assert maps.trial_lines(Order(), table, {"c": views["c"]}) == snapshot


def test_what_is_moved_in_the_list_is_the_order_that_is_asked_for(monkeypatch):
    moves = []
    monkeypatch.setattr(form, "draw_order", lambda *arguments: moves.append(arguments))
    at = open_view()
    chosen, _, _, on_move = moves[-1]
    assert chosen == order_of(at).value
    backwards = chosen[::-1]
    monkeypatch.setattr(form.st, "session_state", at.session_state, raising=False)
    on_move(backwards)
    monkeypatch.undo()
    monkeypatch.setattr(catalog, "load", lambda name="": tiny.cnn())
    assert order_of(settled(at.run())).value == backwards
