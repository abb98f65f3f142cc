"""Probes: what is learned from the words of some scenes, and how it does on those of others."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BlindspotError
from engine.core.result import Floats
from engine.evaluation.language.resampling import middle_interval
from engine.evaluation.measures.detection import auroc
from engine.hallucination.hallurag.readings import Flags, Ints, Readings

STRENGTH = 0.05  # C: one over the penalty on the weights
DEEP = (256, 128, 64)  # units of the published probe
PATIENCE = 30  # epochs without a better validation score, after which it stops
SHUFFLES = 20
RESAMPLES = 200
PERCENT = 90  # of the resamples lie in an interval
FEWEST = 5  # made-up words, and true ones, that are learned from, and that are tried

Doubles = NDArray[np.float64]


def require_words(made_up: Flags, learned: Flags) -> None:
    """Raise BlindspotError where a part has too few words of a kind."""
    for part, name in ((learned, "learn from"), (~learned, "be tried on")):
        for kind, word in ((made_up, "made up"), (~made_up, "true")):
            if (count := int((part & kind).sum())) < FEWEST:
                raise BlindspotError(
                    f"Only {count} words to {name} are {word}, and {FEWEST} are needed: choose "
                    "more scenes, or a kind of scene of which the model makes up more."
                )


def features(words: Readings, names: Sequence[str], when: int) -> Floats:
    """Some states of each word beside each other, (n, width)."""
    return np.concatenate([words.states[name][:, when] for name in names], 1)


def linear(inputs: Floats, made_up: Flags, learned: Flags) -> tuple[Doubles, Doubles]:
    """The logit of each word, (n,), and weights over the inputs as they are, the offset last."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    # by the words learned from alone: those tried on must not leak into mean and spread
    scaled = StandardScaler().fit(inputs[learned])
    fitted = LogisticRegression(C=STRENGTH, max_iter=1000)
    fitted.fit(scaled.transform(inputs[learned]), made_up[learned])
    # the scaling goes into the weights: w · (x − μ) / σ + b is linear in x
    weight = fitted.coef_[0] / scaled.scale_
    offset = fitted.intercept_[0] - weight @ scaled.mean_
    return inputs @ weight + offset, np.append(weight, offset)


def published(inputs: Floats, made_up: Flags, learned: Flags, seed: int) -> Doubles:
    """The probability by a network of the published size, (n,).

    It has no dropout on its inputs, a larger rate (1e-3) and fewer epochs (200) than the published
    one, and stops early by how many of a tenth of its words it has right.
    """
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    network = MLPClassifier(
        DEEP,
        alpha=1e-5,
        batch_size=32,
        learning_rate_init=1e-3,
        max_iter=200,
        early_stopping=True,
        n_iter_no_change=PATIENCE,
        random_state=seed,
    )
    fitted = make_pipeline(StandardScaler(), network).fit(inputs[learned], made_up[learned])
    risk: Doubles = fitted.predict_proba(inputs)[:, 1]
    return risk


def word_alone(words: Readings, learned: Flags) -> Doubles:
    """The logit of each word by what it is, (n,): how often that word was made up."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    names = np.array(words.words)[:, None]
    # a word that was never learned from has no column: it gets the offset alone
    fitted = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression(max_iter=500))
    risk: Doubles = fitted.fit(names[learned], words.made_up[learned]).decision_function(names)
    return risk


def shuffled_auroc(inputs: Floats, made_up: Flags, learned: Flags, seed: int) -> Doubles:
    """AUROC of probes that learned from shuffled labels, (SHUFFLES,)."""
    random = np.random.default_rng(seed)
    results = []
    for _ in range(SHUFFLES):
        labels = made_up.copy()
        # only labels that are learned from: those tried on stay true, so chance is 0.5
        labels[learned] = random.permutation(made_up[learned])
        results.append(risk_auroc(linear(inputs, labels, learned)[0], made_up, ~learned))
    return np.array(results)


def risk_auroc(risk: Doubles, made_up: Flags, rows: Flags) -> float:
    """AUROC of a risk among some words; NaN where all are of one kind."""
    kinds = (rows & ~made_up, rows & made_up)
    return auroc(risk[kinds[0]], risk[kinds[1]]) if all(kind.any() for kind in kinds) else np.nan


def auroc_interval(risk: Doubles, made_up: Flags, scene: Ints, seed: int) -> tuple[float, float]:
    """Where AUROC lies in 90 % of resamples of the scenes."""
    random = np.random.default_rng(seed)
    _, of = np.unique(scene, return_inverse=True)
    # a scene is drawn with all its words, which are not independent of one another
    members = [np.flatnonzero(of == index) for index in range(of.max() + 1)]
    results = []
    for _ in range(RESAMPLES):
        scene_draws = random.integers(len(members), size=len(members))
        rows = np.concatenate([members[index] for index in scene_draws])
        results.append(risk_auroc(risk[rows], made_up[rows], np.ones(len(rows), bool)))
    return middle_interval(np.array(results), PERCENT)


def rated(
    risks: Mapping[str, Doubles], made_up: Flags, scene: Ints, tried: Flags, seed: int
) -> dict[str, Any]:
    """AUROC of several risks on the words tried, with both ends, as columns of a table."""
    results = [risk_auroc(risk, made_up, tried) for risk in risks.values()]
    reach = [
        auroc_interval(risk[tried], made_up[tried], scene[tried], seed) for risk in risks.values()
    ]
    low, high = np.array(reach).T
    return {"AUROC": (np.array(results), ""), "lowest": (low, ""), "highest": (high, "")}
