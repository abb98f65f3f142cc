"""Certificates as a visitor meets them: the election of an image, and poisons against it."""

from dataclasses import replace

import numpy as np

from components.asked_image import PICTURES
from components.certificates import form, view
from components.certificates.form import IMAGE, KEY, POISON, SLOT, label_of
from components.views import CERTIFICATES
from engine.core.question import Question
from engine.core.result import Table
from engine.core.run import answer
from engine.evaluation.experiment import ExperimentCase
from engine.unlearning import Certificates, PoisonVotes
from engine.unlearning.roe.bounds import FA, ROE
from engine.unlearning.roe.certificates import ballots_about, election_table
from engine.vision import data as data_sets
from tests.visits import settled, visit, words

FEW = {"partitions": 10, "spread": 2, "epochs": 3, "images": 30}
LINK = {f"{SLOT}.{name}": str(value) for name, value in FEW.items()}
LINK[f"{KEY}.data"] = "Digits, 8 × 8"


def question(image=0, scheme=ROE):
    method = PoisonVotes(**FEW, scheme=scheme, image=image)
    return Question(method, ExperimentCase(data_sets.load("digits")))


def test_sentence_ballots_and_curves_are_those_of_the_answer():
    at = settled(visit(LINK, CERTIFICATES))
    assert "30 small networks are trained" in words(at)
    at = settled(at.button(key=f"{SLOT}.go").click().run())
    query = question()
    result = answer(query.method.certificates, query.case)
    assert at.header[0].value == view.sentence(query, result)
    table = {"ballots": election_table(ballots_about(result, ROE, 0), query.case.data.classes)}
    text = words(at)
    assert view.reason(query, result) in text
    assert view.first_words(table) in text
    assert view.run_off_words(table) in text
    assert view.curve_words(result) in text
    at = settled(at.number_input(key=IMAGE).set_value(7).run())
    assert at.header[0].value == view.sentence(question(7), result)
    at = settled(at.button_group(key=f"{KEY}.scheme").set_value(FA).run())
    assert at.header[0].value == view.sentence(question(7, FA), result)
    assert "Round 2" not in words(at)  # FA has one round


def test_poisons_move_the_votes_and_are_held_against_the_certificate():
    at = settled(visit(LINK | {f"{POISON}.count": "4", f"{POISON}.way": "relabel"}, CERTIFICATES))
    assert "4 images are relabeled" in words(at)
    at = settled(at.button(key=f"{POISON}.go").click().run())
    query = question()
    method = replace(query.method, way="relabel", count=4)
    result = answer(method, query.case)
    assert method.finding(query.case, result) in [header.value for header in at.header]
    text = words(at)
    assert all(drawing.finding(result) in text for drawing in method.drawings[:2])
    assert result["poisons"].finding in text


def certificate(says, radius):
    columns = {
        f"{ROE}, {name}": ([value], "")
        for name, value in (("says", says), ("radius", radius), ("rival", 3), ("round", 2))
    }
    return {"images": Table.of(columns)}


def test_the_sentence_counts_the_poisons_and_says_a_wrong_answer_is_wrong(snapshot):
    query = question()
    label, other = int(label_of(query)), (int(label_of(query)) + 1) % 10
    said = [certificate(label, radius) for radius in (2, 1, 0)] + [certificate(other, 5)]
    assert [view.sentence(query, each) for each in said] == snapshot
    assert [view.reason(query, certificate(other, radius)) for radius in (5, 0)] == snapshot
    steps = Table.of({"says": ([1, 1, 2], ""), "worst says": ([1, 2, 2], "")})
    figures = {"answer": 1, "rival": 2, "certificate": 0}
    outcome = Table.of({name: ([figure], "") for name, figure in figures.items()})
    ballots = Table.of({"first votes, after": ([0, 0, 0], "networks")}, "abc")
    poisoned = {"steps": steps, "ballots": ballots, "outcome": outcome}
    assert PoisonVotes.drawings[0].finding(poisoned) == snapshot


def test_the_page_offers_no_more_images_than_ballots_are_kept_of():
    assert PICTURES <= form.STORED_BALLOTS
    asked = Certificates().asked(question().case)[: form.STORED_BALLOTS]
    assert np.unique(asked).size == form.STORED_BALLOTS
