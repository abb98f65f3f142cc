"""What a detector's answer says: true words over figures that it did not make up."""

from types import SimpleNamespace

import numpy as np
import pytest

from engine.anomaly import COSTARR, KNN, Compare, Conformal, Corrupt, ViM
from engine.anomaly.costarr.findings import factors, hardly_weighed, which_half
from engine.anomaly.protocol.compare import believed, ranked
from engine.anomaly.protocol.corrupt import FLAGGED, LEVELS, SEVERITY, at_step, with_flagged
from engine.anomaly.protocol.nearest import nearest_pictures
from engine.core.result import Evidence, Scores, Table
from engine.evaluation.detection import findings
from engine.evaluation.detection.conformal import COUNTS, RULES
from engine.evaluation.detection.detector import ruler_in
from engine.evaluation.detection.standing import of_models
from tests import tiny

CASE = tiny.familiar_case(tiny.cnn())
PHANTOMS = SimpleNamespace(name="phantoms:count=9")


@pytest.fixture(scope="module")
def near():
    return KNN()(CASE)


# ---------------------------------------------------------------- the verdict


def answer(least, p, by_group=np.nan, groups=0):
    """A detector's answer about an image among 200 normal ones, by its p-values."""
    floor = 1 / (groups + 1) if groups else np.nan
    return {
        "counts": Scores(np.array([200, 0, least], np.float32), COUNTS, "images"),
        "p": Scores(np.array([p, np.nan, by_group], np.float32), RULES, "p-value"),
        "smallest": Scores(np.array([1 / 201, 1 / 41, floor], np.float32), RULES, "p-value"),
    }


def test_the_sentence_says_unusual_only_where_the_p_value_it_names_is_below_the_line(snapshot):
    few = answer(0, 1 / 5)
    few["counts"] = Scores(np.array([4, 0, 0], np.float32), COUNTS, "images")
    answers = [
        (few, {}),
        *((answer(least, (least + 1) / 201), {}) for least in (0, 1, 15, 150)),
        (answer(150, 151 / 201), {"unlike": True}),
        (answer(2, 3 / 201, 0.3, 60), {}),
        (answer(0, 1 / 201, 1 / 31, 30), {"alpha": 0.02}),
        (answer(0, 1 / 201, 0.2, 4), {}),
        (answer(0, 1 / 201, 0.5, 1), {}),
    ]
    assert [findings.verdict("KNN", PHANTOMS, each, **more) for each, more in answers] == snapshot


def test_a_detector_says_of_its_own_answer_what_the_page_says(near):
    words = KNN().finding(CASE, near)
    assert words == findings.verdict("KNN", CASE.normal, near)
    assert f"{int(near['counts'].values[2])} of " in words or "every one" in words
    scores, words = near["normal"].values, findings.only_score(CASE.normal, near)
    assert f"This image's score is {near['subject'].values[0]:.3g}" in words
    assert f"of {len(scores)} normal images lie between {scores.min():.3g} and" in words


def test_the_p_value_is_that_of_the_class_only_where_enough_are_seen_alike(snapshot):
    sample_answer = answer(9, 0.25, 0.5, 30)
    for by_class in (False, True):
        assert findings.p_values(PHANTOMS, sample_answer, "ring", by_class=by_class) == snapshot
    sample_answer["p"] = Scores(np.array([0.25, 0.125, np.nan], np.float32), RULES, "p-value")
    sample_answer["counts"] = Scores(np.array([200, 40, 9], np.float32), COUNTS, "images")
    assert findings.p_values(PHANTOMS, sample_answer, "ring", by_class=True) == snapshot


def evidence(scores, ids):
    blank = np.zeros(len(scores), np.int64)
    return Evidence(np.float32(scores), {}, blank, blank, np.asarray(ids), "score", "alone")


def test_what_the_line_promises_is_held_against_images_that_it_never_saw():
    ruler = Conformal(np.arange(99.0))
    results = {
        "subject": evidence([95.0], [0]),
        "normal": evidence(np.arange(99.0), range(99)),
        "held": evidence([1.0, 94.0, 97.0, 98.5], range(100, 104)),
    }
    does, promise, calm = findings.promises(CASE.normal, results, ruler, 94.0)
    low, high = ruler.band(0.05)
    assert does == "This image lies above the line."
    assert promise.startswith("The line promises at most 5 % false alarms; with 99 normal images")
    assert f"between {100 * low:.3g} % and {100 * high:.3g} %" in promise
    assert "50 % of 4 other normal images stay below the line (2 false alarms)" in calm
    assert "more than the line promises" in calm
    assert findings.promises(CASE.normal, results, ruler, 95.0)[0].startswith("This image does not")


def test_the_ruler_of_an_answer_has_the_groups_of_its_images(near):
    groups = np.arange(len(CASE.normal)) // 2
    normal = SimpleNamespace(truth={"group": groups}, places=CASE.normal.places)
    assert ruler_in(near, CASE.normal).groups is None
    expected = groups[CASE.normal.places(near["normal"].ids)].tolist()
    assert ruler_in(near, normal).groups.tolist() == expected


# ---------------------------------------------------------------- what it rests on


def test_the_parts_of_the_score_stand_beside_those_of_the_middle_normal_image():
    table = Table.grid(
        np.float32([[1, -2], [3, 4]]), ("this image", "middle normal"), ("near", "far"), ("", "")
    )
    words = "The bars add up to the score: near 1 (middle normal: 3), far −2 (4)."
    assert findings.made_of(table, "sum") == words
    assert findings.made_of(table, "alone").startswith("The score is one number: 1 for this image")


def test_the_nearest_pictures_are_those_of_the_table(near):
    picture_rows, rows = nearest_pictures(CASE.normal, near["nearest"]), near["nearest"].values
    place = CASE.normal.places(rows[:1, 0].astype(np.int64))[0]
    assert picture_rows.columns[0] == CASE.normal.classes[CASE.normal.labels[place]]
    assert picture_rows.captions[0] == f"id {rows[0, 0]:.0f}: {rows[0, 1]:.2f}"
    assert f"at distance {rows[0, 1]:.2f}" in picture_rows.finding


def test_costarr_says_which_half_counts_and_what_was_not_verified():
    result = COSTARR()(CASE)
    assert f"likeness {result['subject'].parts['likeness'][0]:.3f}" in factors(result)
    assert "Not verified" in which_half(result["ablation"])
    assert hardly_weighed(result["dimensions"]).endswith("that the head weighs least.")


@pytest.mark.parametrize(
    ("order", "areas", "same", "more"),
    [
        (-0.5, [0.9, 0.8, 0.894, 0.99], False, "tell more than one"),
        (0.95, [0.9, 0.896, 0.8, 0.1], True, "tell no more than one"),
        (0.949, [0.9, 0.8, np.nan, 0.7], False, ""),
    ],
)
def test_costarr_s_halves_count_where_both_tell_more_than_each(order, areas, same, more):
    columns = {"Spearman with MaxLogit": [order, 0, 0, 1], "AUROC": areas}
    words = which_half(Table.of({name: (values, "") for name, values in columns.items()}))
    assert f"correlate at {order:.2f}".replace("-", "−") in words
    assert ("here COSTARR is MaxLogit" in words) == same
    assert more in words
    assert ("unknown images" in words) == bool(more)


# ---------------------------------------------------------------- a closer look


def test_the_ranking_begins_with_the_lowest_p_value_and_pays_for_it():
    result = Compare()(CASE)
    table = ranked(result["ranking"])
    assert np.all(np.diff(table["p-value"]) >= 0)
    below = 100 * table["less unusual normal images"]
    assert Compare().finding(CASE, result) == (
        f"{table.rows[0]} finds this image most unusual: {below[0]:.0f} % of the normal images are "
        f"less so; {table.rows[-1]} the least ({below[-1]:.0f} %)."
    )
    best = int(np.nanargmax(table["AUROC"]))
    assert f"(Bonferroni): {result['together']['Bonferroni']:.2g}" in believed(result)
    assert f"{table.rows[best]} tells the unknown images best" in believed(result)


def test_the_steps_of_images_made_worse_are_counted_and_told_in_words():
    worse = Corrupt(images=8)(CASE)
    steps, flagged = worse["steps"], (worse["flags"].values <= 0.2).mean(0)
    table = with_flagged(worse, 0.2)
    assert table[FLAGGED] == pytest.approx(flagged)
    assert table[SEVERITY] == pytest.approx(LEVELS)
    words = at_step(worse, 4, 0.2, "KNN", CASE.model.labels)
    assert f"{steps['score of the image'][4]:.3g}" in words
    assert f"{100 * flagged[4]:.0f} % of normal images" in words
    assert f"gets {100 * steps['accuracy'][4]:.0f} % of them right" in words
    assert f"The model sees: {CASE.model.labels[int(worse['classes'].values[4])]}." in words
    p, right = steps["p-value of the image"], 100 * steps["accuracy"]
    assert Corrupt(images=8).finding(CASE, worse) == (
        f"From no noise to the most, the image's p-value goes from {p[0]:.2g} to {p[-1]:.2g}, and "
        f"the normal images that the model gets right from {right[0]:.0f} % to {right[-1]:.0f} %."
    )


def test_two_models_are_held_against_each_other_on_what_they_share(near):
    table = of_models({"own": near, "parent": ViM()(CASE)})
    assert table.rows == ("own", "parent")
    assert table["p-value"][0] == pytest.approx(near["p"].values[0])
    assert table["AUROC"][0] == pytest.approx(near["measures"]["AUROC"][0])
    below = (near["normal"].values < near["subject"].values[0]).mean()
    assert table["less unusual normal images"][0] == pytest.approx(below)
