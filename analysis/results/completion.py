"""Missing cells of a matrix, predicted from the other gains of their recipe and target."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .halves import MIN_N

Floats = npt.NDArray[np.float64]
RATIOS = (0.0, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Variances of recipe and target effects, in units of the variance of a cell, of which the most likely are taken."""
COLUMNS = ("recipe", "target", "gain", "se", "low", "high")
MANY = 200
"""Cells above which only every second of the RATIOS is tried, to save time."""
FEW_TARGETS = 3
"""Fewest targets from which a recipe effect is estimated."""


@dataclass(frozen=True, kw_only=True)
class Completion:
    """Predicted gains of the cells without a measured one, and how well such predictions agree with measured cells."""

    cells: pd.DataFrame
    """Columns recipe, target, gain, se, low, high (95 % prediction interval for a measured gain), as fractions of 1.
    Empty if no cell is missing, or if `note` is not ""."""
    error: float
    """Root mean squared error of leave-one-cell-out predictions, in units of the noise of each target; nan without.
    It is over the cells of targets with two measured cells or more: those that their mean predicts, too."""
    column_error: float
    """The same error, over the same cells, if each is predicted by the mean of the other cells of its target."""
    next_cell: tuple[str, str] | None
    """The missing cell whose measurement would reduce the sum of the prediction variances of all missing cells most."""
    uses_predictors: bool
    """Whether the predictions use the predictors of transfer: only if they reduce `error`."""
    note: str
    """Why no prediction is shown, as a sentence; "" if they are."""


@dataclass(frozen=True, kw_only=True)
class _Fit:
    """A fitted model: y = Xb + recipe effect + target effect + noise. `covariance` and `design` are of all cells."""

    covariance: Floats
    design: Floats
    measured: npt.NDArray[np.bool_]
    scale: float
    """Variance of the noise of a cell."""
    errors: Floats
    """Errors of the leave-one-out predictions of the measured cells divided by `deviations`, their standard errors."""
    deviations: Floats

    def error(self, compared: npt.NDArray[np.bool_]) -> float:
        """Root mean squared error of the predictions of the `compared` cells, an array over all cells."""
        return _rms((self.errors * self.deviations)[compared[self.measured]])


def complete(
    gains: pd.DataFrame, asked_cells: pd.DataFrame, noise: "pd.Series[float]", predictors: Mapping[str, pd.DataFrame]
) -> Completion:
    """Predict gains of a matrix of recipes x targets; `wanted` says which of the missing ones.

    A gain, in units of the noise of one score of its target (with one seed: of the spread of its gains), is the sum of
    a mean, the values of `predictors` (frames of recipes x targets, standardised within each target; a missing value
    counts as the mean), random effects of its recipe and of its target, and noise. The variances are those with the
    largest restricted likelihood (Patterson & Thompson 1971) on a grid. Leave-one-cell-out errors are exact for these
    variances: a cell is left out of all means and effects. The prediction interval has the 95 % quantile of their
    standardised sizes.
    """
    units = noise.reindex(gains.columns).fillna(gains.std(ddof=1))
    scaled = gains / units.where(units > 0)
    y, measured = scaled.to_numpy(dtype=float), scaled.notna().to_numpy()
    reason = _reason(measured)
    if reason:
        return _without(reason)
    plain = np.ones((y.size, 1))
    features = [_standardised(frame.reindex_like(gains).astype(float)).ravel() for frame in predictors.values()]
    extended = _independent([plain[:, 0], *features], measured.ravel())
    designs = [plain] if extended.shape[1] == 1 else [plain, extended]
    fits = [_fitted(y, measured, design) for design in designs]
    compared = measured & (measured.sum(axis=0) > 1)
    column_error = _rms(_column_errors(y, measured)[compared])
    error, fit = min(((fit.error(compared.ravel()), fit) for fit in fits), key=lambda pair: pair[0])
    if not error < column_error:
        return _without(
            "No gain is predicted: leave-one-cell-out errors are not smaller than those of the mean of the target.",
            error,
            column_error,
        )
    # A target without units has no prediction.
    is_missing = ~measured & asked_cells.reindex_like(gains).to_numpy(dtype=bool) & (units > 0).to_numpy()[None, :]
    cells, next_cell = _predicted(fit, y, is_missing.ravel())
    table = _table(cells, gains, is_missing, units)
    return Completion(
        cells=table,
        error=error,
        column_error=column_error,
        next_cell=None if next_cell is None else (str(table["recipe"][next_cell]), str(table["target"][next_cell])),
        uses_predictors=fit is not fits[0],
        note="",
    )


def _independent(columns: list[Floats], measured: npt.NDArray[np.bool_]) -> Floats:
    """The columns of a design that are not combinations of earlier ones on the measured cells."""
    kept = columns[:1]
    for column in columns[1:]:
        if np.linalg.matrix_rank(np.column_stack([*kept, column])[measured]) > len(kept):
            kept.append(column)
    return np.column_stack(kept)


def _reason(measured: npt.NDArray[np.bool_]) -> str:
    if (measured.sum(axis=1) > 1).sum() < MIN_N or (measured.sum(axis=0) > 1).sum() < FEW_TARGETS:
        return (
            f"No gain is predicted: at least {MIN_N} recipes and {FEW_TARGETS} targets with two measured gains each "
            "are needed."
        )
    return ""


def _without(note: str, error: float = np.nan, column_error: float = np.nan) -> Completion:
    empty = pd.DataFrame(columns=list(COLUMNS))
    return Completion(
        cells=empty, error=error, column_error=column_error, next_cell=None, uses_predictors=False, note=note
    )


def _standardised(values: pd.DataFrame) -> Floats:
    """Columns with mean 0 and standard deviation 1; 0 for missing values and constant columns."""
    spread = values.std(ddof=1)
    completed: Floats = ((values - values.mean()) / spread.where(spread > 0)).fillna(0.0).to_numpy(dtype=float)
    return completed


def _fitted(y: Floats, measured: npt.NDArray[np.bool_], design: Floats) -> _Fit:
    """The fit with the largest restricted likelihood. `design` has one row for each cell, row by row."""
    num_recipes, num_targets = y.shape
    kept, target = measured.ravel(), y.ravel()[measured.ravel()]
    same_recipe = np.kron(np.eye(num_recipes), np.ones((num_targets, num_targets)))
    same_target = np.kron(np.ones((num_recipes, num_recipes)), np.eye(num_targets))

    def covariance_of(ratios: tuple[float, float]) -> Floats:
        covariance: Floats = np.eye(y.size) + ratios[0] * same_recipe + ratios[1] * same_target
        return covariance

    ratios = RATIOS if y.size <= MANY else RATIOS[::2]
    inside = np.ix_(kept, kept)
    likelihoods = {
        pair: _likelihood(covariance_of(pair)[inside], design[kept], target) for pair in product(ratios, ratios)
    }
    covariance = covariance_of(max(likelihoods, key=lambda pair: likelihoods[pair]))
    projection = _projection(covariance[inside], design[kept])
    scale = float(target @ projection @ target) / (len(target) - design.shape[1])
    diagonal = np.diag(projection)
    deviations = np.sqrt(scale / diagonal)
    # (Py)_i / P_ii is the error of the prediction of cell i from all others.
    errors = projection @ target / diagonal / deviations
    return _Fit(covariance=covariance, design=design, measured=kept, scale=scale, errors=errors, deviations=deviations)


def _likelihood(covariance: Floats, design: Floats, y: Floats) -> float:
    """Restricted log likelihood. A Cholesky factor L of the covariance V takes less time than the inverse of V."""
    from scipy import linalg  # noqa: PLC0415 - takes long to import

    factor = np.linalg.cholesky(covariance)
    whitened = linalg.solve_triangular(factor, np.column_stack([design, y]), lower=True)  # L^-1 [X, y]
    x, z = whitened[:, :-1], whitened[:, -1]
    information = x.T @ x
    free = len(y) - design.shape[1]
    scale = float(z @ z - (x.T @ z) @ np.linalg.solve(information, x.T @ z)) / free
    logs = 2 * np.log(np.diag(factor)).sum() + np.linalg.slogdet(information)[1]
    return float(-(free * np.log(max(scale, 1e-300)) + logs) / 2)


def _projection(covariance: Floats, design: Floats) -> Floats:
    """The projection P = V^-1 - V^-1 X (X' V^-1 X)^-1 X' V^-1."""
    inverse: Any = np.linalg.inv(covariance)
    weighted = inverse @ design
    projection: Floats = inverse - weighted @ np.linalg.solve(design.T @ weighted, weighted.T)
    return projection


def _column_errors(y: Floats, measured: npt.NDArray[np.bool_]) -> Floats:
    """Error of the mean of the other measured cells of the target, for each cell; nan for the other cells."""
    counts = measured.sum(axis=0)
    means = np.nansum(y, axis=0) / np.maximum(counts, 1)
    errors: Floats = (y - means) * counts / np.maximum(counts - 1, 1)
    return errors


def _rms(errors: Floats) -> float:
    return float(np.sqrt(np.mean(errors**2)))


def _predicted(fit: _Fit, y: Floats, missing: npt.NDArray[np.bool_]) -> tuple[dict[str, Floats], int | None]:
    """gain, se, low and high of the missing cells in units of the noise, and the number of the one that is worth most.

    Its measurement takes the variance explained by it from the other missing cells.
    """
    inverse = np.linalg.inv(fit.covariance[np.ix_(fit.measured, fit.measured)])
    design, cross = fit.design[fit.measured], fit.covariance[np.ix_(missing, fit.measured)]
    information = design.T @ inverse @ design
    coefficients = np.linalg.solve(information, design.T @ inverse @ y.ravel()[fit.measured])
    weights = cross @ inverse
    means = fit.design[missing] @ coefficients + weights @ (y.ravel()[fit.measured] - design @ coefficients)
    rest = fit.design[missing] - weights @ design
    covariance = fit.covariance[np.ix_(missing, missing)] - weights @ cross.T
    covariance = fit.scale * (covariance + rest @ np.linalg.solve(information, rest.T))
    variances = np.diag(covariance)
    half = np.quantile(np.abs(fit.errors), 0.95) * np.sqrt(variances)
    worth = (covariance**2).sum(axis=0) / variances
    values = {"gain": means, "se": np.sqrt(variances), "low": means - half, "high": means + half}
    return values, int(worth.argmax()) if missing.any() else None


def _table(
    values: Mapping[str, Floats], gains: pd.DataFrame, missing: npt.NDArray[np.bool_], units: "pd.Series[float]"
) -> pd.DataFrame:
    """The predictions as fractions of 1, with the names of their cells."""
    recipes, targets = np.nonzero(missing)
    factors = units.to_numpy(dtype=float)[targets]
    names = {"recipe": gains.index[recipes], "target": gains.columns[targets]}
    return pd.DataFrame({**names, **{name: value * factors for name, value in values.items()}})[list(COLUMNS)]
