"""The points of slopes: the sum of a contrast at each value of its covariate, and its spread over languages."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from sweeper.space import Contrast, Slope

from .contrast_seeds import scores_of_seeds
from .contrast_sums import Measured, WeightedSum, at_point, weighted_sums
from .contrasts import contrast_table
from .load import RunData
from .measured_covariates import measured_covariates

COLUMNS = (
    *("family", "contrast", "model", "target", "language", "covariate", "unit", "point", "value", "value_unit"),
    *("is_centred", "estimate", "low", "high", "sd_languages", "num_languages"),
)
"""Columns of the table of points. point is a recipe, model or language, and value that of the covariate, in value_unit
("" if the slope has none). estimate is the sum at the point, as a fraction of 1, with its 95 % interval. A slope on a
distance between texts has a point for each recipe and target: its values and estimates are differences from the mean
over the recipes (is_centred). sd_languages is the standard deviation of the sums of num_languages languages; it
contains the noise of each of them. Both are nan for a slope over languages, and where languages are evaluated alone."""


@dataclass(frozen=True, kw_only=True)
class _Point:
    """A slope that is evaluated, at one point."""

    weighted: WeightedSum
    """The slope, with the targets and languages that it includes."""
    slope: Slope
    name: str
    target: str = ""
    """The target of a slope on a distance between texts."""

    @property
    def label(self) -> str:
        """The name of the point in tables and figures."""
        return f"{self.name}, {self.target}" if self.target else self.name

    @property
    def single(self) -> Contrast:
        """The contrast at the point, without a slope, on the targets and in the languages of the slope."""
        given = self.weighted.contrast
        terms = tuple(replace(term, model=term.model or self.weighted.model) for term in given.terms)
        if self.slope.axis == "language":
            terms = tuple(replace(term, languages=()) for term in terms)
            languages: tuple[str, ...] = (self.name,)
        else:
            languages = self.weighted.languages
            terms = tuple(
                replace(at_point(self.slope, name, term), weight=term.weight * share)
                for name, share in self._shares.items()
                for term in terms
            )
        return replace(given, slope=None, each=(), terms=terms, targets=self.weighted.targets, languages=languages)

    @property
    def _shares(self) -> dict[str, float]:
        """Point -> its share in the sum at this point."""
        if not self.target:
            return {self.name: 1.0}
        others = 1 / len(self.slope.points)
        return {name: float(name == self.name) - others for name in self.slope.points}

    @property
    def has_spread(self) -> bool:
        """Whether the languages of the point can be evaluated alone."""
        names_languages = all(term.languages for term in self.weighted.contrast.terms)
        return self.slope.axis != "language" and not self.weighted.language and not names_languages


def point_table(data: RunData) -> pd.DataFrame:
    """The points of all slopes of the space, with COLUMNS. A point without scores is left out, and so is a slope."""
    points = {f"{number}": point for number, point in enumerate(_points(data))}
    whole = [replace(point.single, name=key) for key, point in points.items()]
    spread = [replace(single, each=("language",)) for single in whole if points[single.name].has_spread]
    # One call, so that outcomes are read once. The sums of languages have other names than the whole ones.
    table = contrast_table(data, [*whole, *(replace(single, name=f"{single.name} each") for single in spread)])
    table = table[table["estimate"].notna()]
    is_whole = table["contrast"].isin(points)
    by_language = table[~is_whole].assign(contrast=table["contrast"].str.removesuffix(" each"))
    spreads = by_language.groupby("contrast")["estimate"].agg(["std", "count"])
    rows = table[is_whole]
    spreads = spreads.reindex(rows["contrast"])
    owners = [points[key] for key in rows["contrast"]]
    return rows.assign(
        contrast=[point.weighted.contrast.name for point in owners],
        model=[point.weighted.model for point in owners],
        target=[point.weighted.target for point in owners],
        language=[point.weighted.language for point in owners],
        covariate=[point.slope.covariate for point in owners],
        point=[point.label for point in owners],
        value=[float(point.slope.values[point.name]) for point in owners],
        value_unit=[point.slope.unit for point in owners],
        is_centred=[bool(point.target) for point in owners],
        sd_languages=spreads["std"].to_numpy(),
        num_languages=spreads["count"].to_numpy(),
    )[list(COLUMNS)].reset_index(drop=True)


def _points(data: RunData) -> Iterator[_Point]:
    """The points of all slopes of a space with an estimate, those of one slope in the order of their values."""
    slopes = [contrast for contrast in data.space.contrasts if contrast.slope]
    measured = measured_covariates(data, slopes)
    for weighted in weighted_sums(data.space, scores_of_seeds(data)[0], slopes, measured):
        slope = weighted.contrast.slope
        assert slope is not None
        if slope.is_measured:
            yield from _measured_points(weighted, slope, measured)
            continue
        for name in _names(slope, weighted):
            yield _Point(weighted=weighted, slope=slope, name=name)


def _measured_points(weighted: WeightedSum, slope: Slope, measured: Measured) -> Iterator[_Point]:
    """A point for each recipe and target of a slope on measured values; none without an estimate."""
    model = weighted.model or weighted.contrast.terms[0].model
    for target in weighted.targets if weighted.weights else ():
        of_target = measured[slope.covariate, model, target]
        mean = float(np.mean([of_target[name] for name in slope.points]))
        values = {name: of_target[name] - mean for name in slope.points}
        for name in sorted(values, key=values.__getitem__):
            of_one = replace(weighted, targets=(target,))
            yield _Point(weighted=of_one, slope=replace(slope, values=values), name=name, target=target)


def _names(slope: Slope, weighted: WeightedSum) -> list[str]:
    """The points of a slope in the order of their values; none without an estimate."""
    names = sorted(slope.values, key=slope.values.__getitem__) if weighted.weights else []
    if slope.axis != "language" or not names:
        return names
    # A language at the mean of the covariate has no weight.
    mean = np.mean([slope.values[name] for name in weighted.languages])
    return [name for name in names if name in weighted.languages or slope.values[name] == mean]
