"""Predictors of transfer against their definitions, computed in the slow and obvious way."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from sweeper.scoring.transferability import Array, h_score, knn_accuracy, knn_choice_accuracy, ledoit_wolf, logme


def sample(num: int, dimensions: int, num_classes: int = 3, shift: float = 1.0) -> tuple[Array, Array]:
    """Vectors of classes whose means differ, and the labels. Dimensions have different scales."""
    random = np.random.default_rng((num, dimensions))
    labels = np.arange(num) % num_classes
    means = random.normal(scale=shift, size=(num_classes, dimensions))
    scales = np.linspace(0.2, 2.0, dimensions)
    return (means[labels] + random.normal(size=(num, dimensions))) * scales + 0.5, labels


def largest_evidence(vectors: Array, y: Array) -> float:
    """The largest log N(y | 0, I / beta + FF' / alpha) per example, found by a general optimiser."""

    def loss(logarithms: Array) -> float:
        alpha, beta = np.exp(logarithms)
        covariance = np.eye(len(y)) / beta + vectors @ vectors.T / alpha
        return -float(multivariate_normal.logpdf(y, np.zeros(len(y)), covariance)) / len(y)

    fits = [minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-10, "maxiter": 2000})
            for start in ((0.0, 0.0), (3.0, 1.0))]  # fmt: skip
    return -min(float(fit.fun) for fit in fits)


@pytest.mark.parametrize(("num", "dimensions"), [(60, 8), (30, 45)], ids=["more examples", "more dimensions"])
def test_logme_is_the_mean_over_classes_of_the_largest_evidence_per_example(num: int, dimensions: int) -> None:
    vectors, labels = sample(num, dimensions)
    expected = np.mean([largest_evidence(vectors, (labels == each).astype(float)) for each in range(3)])
    assert logme(vectors, labels) == pytest.approx(expected, abs=1e-4)


def test_the_shrinkage_is_that_of_ledoit_and_wolf() -> None:
    vectors, _ = sample(40, 12)
    centred = vectors - vectors.mean(axis=0)
    outer = [np.outer(each, each) for each in centred]
    covariance = np.mean(outer, axis=0)
    target = np.trace(covariance) / 12 * np.eye(12)
    noise = sum(((each - covariance) ** 2).sum() for each in outer) / 40**2
    assert 0.01 < ledoit_wolf(centred) < 0.99
    assert ledoit_wolf(centred) == pytest.approx(noise / ((covariance - target) ** 2).sum())


def test_the_h_score_is_its_formula_with_a_shrunk_covariance() -> None:
    vectors, labels = sample(40, 12)
    a = ledoit_wolf(vectors - vectors.mean(axis=0))
    c = np.cov(vectors.T, bias=True)
    b = np.cov(np.array([vectors[labels == label].mean(axis=0) for label in labels]).T, bias=True)
    shrunk = (1 - a) * c + a * np.trace(c) / 12 * np.eye(12)
    assert h_score(vectors, labels) == pytest.approx(np.trace(np.linalg.inv(shrunk) @ ((1 - a) * b)))


def test_with_many_examples_the_h_score_is_that_of_bao_et_al() -> None:
    vectors, labels = sample(6000, 5)
    b = np.cov(np.array([vectors[labels == label].mean(axis=0) for label in range(3)])[labels].T, bias=True)
    assert h_score(vectors, labels) == pytest.approx(np.trace(np.linalg.inv(np.cov(vectors.T)) @ b), rel=0.02)


def neighbours(vectors: Array, groups: Array, number: int, k: int) -> list[int]:
    others = [other for other in range(len(vectors)) if groups[other] != groups[number]]
    unit = [vector / np.linalg.norm(vector) for vector in vectors]
    return sorted(others, key=lambda other: -float(unit[other] @ unit[number]))[:k]


@pytest.mark.parametrize("block", [7, 512])
def test_the_accuracy_of_neighbours_leaves_out_the_group_of_an_example(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweeper.scoring.transferability.BLOCK", block)
    vectors, labels = sample(60, 6, num_classes=2, shift=0.4)
    groups = np.arange(60) // 2
    right = []
    for number in range(60):
        votes = [int(labels[near]) for near in neighbours(vectors, groups, number, 5)]
        right.append(max((0, 1), key=votes.count) == labels[number])
    assert 0.4 < np.mean(right) < 1
    assert knn_accuracy(vectors, labels, groups) == pytest.approx(np.mean(right))


def test_a_choice_is_right_if_its_neighbours_are_right_choices_and_ties_count_in_part() -> None:
    right, wrong = [1.0, 0.0], [0.0, 1.0]
    vectors = np.array([right, wrong] * 10 + [wrong, right] + [right, right])
    labels, groups = np.array([1, 0] * 10 + [1, 0] + [1, 0]), np.repeat(np.arange(12), 2)
    # Ten items are separated, one is the wrong way round, and one has two equal choices.
    assert knn_choice_accuracy(vectors, labels, groups) == pytest.approx((10 + 0 + 0.5) / 12)


@pytest.mark.parametrize("predictor", [logme, h_score])
def test_one_class_has_no_predictors(predictor: object) -> None:
    assert callable(predictor)
    with pytest.raises(ValueError, match="two classes or more, got 1"):
        predictor(np.ones((4, 2)), np.zeros(4, dtype=int))
