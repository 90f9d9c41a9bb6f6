"""Predictors of transfer from the vectors of an encoder and the labels of a task, without training."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
NUM_NEIGHBOURS = 5
"""Neighbours that vote on a label."""
MAX_ITERATIONS = 100
TOLERANCE = 1e-6
"""Largest relative change of alpha / beta at which the evidence counts as maximal."""
TINY = 1e-12
BLOCK = 512
"""Examples whose neighbours are searched at once. With 8,000 vectors a block of cosines has 32 MB."""


def logme(vectors: Array, labels: Array) -> float:
    """LogME: mean over classes of the largest log evidence per example of a Bayesian linear model. Higher is better.

    For each class, the 0/1 labels y (n,) are modelled from the vectors F (n, d) as y = Fw + noise, with
    w ~ N(0, I / alpha) and noise of precision beta. Alpha and beta maximise the evidence, by a fixed-point iteration
    (You et al. 2021, "LogME: Practical Assessment of Pre-trained Models for Transfer Learning").

    `vectors` is (n, d), `labels` (n,) integers. Raises ValueError for fewer than two classes.
    """
    classes = _classes(labels)
    # With the singular vectors, each iteration needs the d squared singular values only.
    left, singular, _ = np.linalg.svd(vectors.astype(np.float64), full_matrices=False)
    rank = int((singular > TINY * singular.max(initial=0.0)).sum())
    squares, left = singular[:rank] ** 2, left[:, :rank]
    return float(np.mean([_evidence(squares, left, (labels == each).astype(np.float64)) for each in classes]))


def _evidence(squares: Array, left: Array, y: Array) -> float:
    """Largest log evidence per example of one vector of labels, given the squared singular values of F."""
    num, projected = len(y), (left.T @ y) ** 2
    outside = float(y @ y - projected.sum())  # the part of y that no weights explain
    alpha = beta = 1.0
    for _ in range(MAX_ITERATIONS):
        ratio = alpha / beta
        gamma = float((squares / (squares + ratio)).sum())  # the number of well-determined weights
        weights = float((squares * projected / (squares + ratio) ** 2).sum())  # squared length of the mean of w
        residual = float((projected * (ratio / (squares + ratio)) ** 2).sum()) + outside
        alpha, beta = gamma / max(weights, TINY), (num - gamma) / max(residual, TINY)
        if abs(alpha / beta - ratio) <= TOLERANCE * ratio:
            break
    ratio = alpha / beta
    weights = float((squares * projected / (squares + ratio) ** 2).sum())
    residual = float((projected * (ratio / (squares + ratio)) ** 2).sum()) + outside
    # Dimensions without a singular value have the prior as posterior and cancel out of the determinant.
    logarithms = len(squares) * np.log(alpha) + num * np.log(beta) - np.log(alpha + beta * squares).sum()
    return float(logarithms - beta * residual - alpha * weights - num * np.log(2 * np.pi)) / (2 * num)


def h_score(vectors: Array, labels: Array) -> float:
    """H-score with a shrunk covariance: tr(inverse(S) (1 - a) B); higher is better.

    B is the covariance of the class means (each example counts), S = (1 - a) C + a tr(C) / d I the covariance of the
    vectors with the shrinkage a of Ledoit & Wolf 2004. Without shrinkage (Bao et al. 2019, "An
    information-theoretic approach to transferability in task transfer learning") the inverse of the covariance of
    hundreds of dimensions is unstable at 2,000 examples. Ibrahim et al. 2021 ("Newer is not always better: Rethinking
    transferability metrics, their peculiarities, stability and performance") introduced the shrunk form.

    `vectors` is (n, d), `labels` (n,) integers. Raises ValueError for fewer than two classes.
    """
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    means = np.zeros_like(centred)
    for each in _classes(labels):
        means[labels == each] = centred[labels == each].mean(axis=0)
    num, dimensions = centred.shape
    shrinkage = ledoit_wolf(centred)
    covariance = (1 - shrinkage) * centred.T @ centred / num
    covariance += max(shrinkage * (centred**2).sum() / (num * dimensions), TINY) * np.eye(dimensions)
    return float((1 - shrinkage) * np.trace(np.linalg.solve(covariance, means.T @ means / num)))


def ledoit_wolf(centred: Array) -> float:
    """Shrinkage, 0 to 1, of the covariance of centred vectors (n, d) to a multiple of the identity.

    Ledoit & Wolf 2004, "A well-conditioned estimator for large-dimensional covariance matrices", section 3.2.
    """
    num, dimensions = centred.shape
    covariance = centred.T @ centred / num
    mean = np.trace(covariance) / dimensions
    distance = ((covariance - mean * np.eye(dimensions)) ** 2).sum()
    # The sum over examples of |xx' - C|^2, without the n matrices xx'.
    noise = (((centred**2).sum(axis=1) ** 2).sum() / num - (covariance**2).sum()) / num
    return float(min(noise, distance) / distance) if distance > TINY * mean**2 else 1.0


def knn_accuracy(vectors: Array, labels: Array, groups: Array, num_neighbours: int = NUM_NEIGHBOURS) -> float:
    """Share of examples whose label is the most frequent one of their nearest neighbours by cosine, 0 to 1.

    An example and others of its group are no neighbours of it. Of equally frequent labels, the one with the larger sum
    of cosines wins. `vectors` is (n, d), `labels` and `groups` are (n,).
    """
    votes, classes = _votes(vectors, labels, groups, num_neighbours)
    return float((classes[votes.argmax(axis=1)] == labels).mean())


def knn_choice_accuracy(vectors: Array, labels: Array, groups: Array, num_neighbours: int = NUM_NEIGHBOURS) -> float:
    """Share of items whose right choice has the highest share of right choices among its nearest neighbours.

    Of k choices with the highest share, each counts as 1 / k. `vectors` is (n, d) with one row for each choice,
    `labels` (n,) is 1 for right choices and else 0, `groups` (n,) is the number of the item.
    """
    votes, _ = _votes(vectors, labels, groups, num_neighbours)
    shares = votes[:, 1] / np.maximum(votes.sum(axis=1), TINY)
    accuracies = []
    for item in np.unique(groups):
        own = shares[groups == item]
        best = np.isclose(own, own.max())
        accuracies.append(labels[groups == item][best].sum() / best.sum())
    return float(np.mean(accuracies))


def _votes(vectors: Array, labels: Array, groups: Array, num_neighbours: int) -> tuple[Array, Array]:
    """Votes (n, classes) for each example: a neighbour has 1, plus a part of its cosine that decides ties only."""
    classes = _classes(labels)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors.astype(np.float64) / np.maximum(lengths, TINY)
    blocks = [np.arange(start, min(start + BLOCK, len(unit))) for start in range(0, len(unit), BLOCK)]
    votes = [_block_votes(unit, labels[:, None] == classes, groups, rows, num_neighbours) for rows in blocks]
    return np.concatenate(votes), classes


def _block_votes(unit: Array, is_class: Array, groups: Array, rows: Array, num_neighbours: int) -> Array:
    """Votes (rows, classes) for some of the examples; `is_class` is (n, classes)."""
    cosines = unit[rows] @ unit.T
    cosines[groups[rows][:, None] == groups[None, :]] = -np.inf
    nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :num_neighbours]
    near = np.take_along_axis(cosines, nearest, axis=1)
    # Fewer examples than neighbours: the rest have no vote. The cosines of all neighbours add at most 1/4.
    weights = np.where(np.isfinite(near), 1 + near / (4 * num_neighbours), 0.0)
    votes: Array = (weights[:, :, None] * is_class[nearest]).sum(axis=1)
    return votes


def _classes(labels: Array) -> Array:
    classes = np.unique(labels)
    if len(classes) < 2:
        raise ValueError(f"Predictors of transfer need labels of two classes or more, got {len(classes)}.")
    return classes
