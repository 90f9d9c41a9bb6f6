"""The points of slopes: the sum of a contrast at each value of its covariate, and its spread over languages."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from sweeper.space import Contrast, Slope, Space

from .contrast_sums import at_point
from .contrasts import contrast_table
from .load import RunData

COLUMNS = (
    *("family", "contrast", "model", "target", "language", "covariate", "unit", "point", "value"),
    *("estimate", "low", "high", "sd_languages", "num_languages"),
)
"""Columns of the table of points. point is a recipe, model or language, and value that of the covariate. estimate is
the sum at the point, as a fraction of 1, with its 95 % interval. sd_languages is the standard deviation of the sums of
num_languages languages; it contains the noise of each of them. Both are nan for a slope over languages, and where
languages or targets are evaluated alone."""


@dataclass(frozen=True, kw_only=True)
class _Point:
    """A contrast at one point of its slope."""

    contrast: Contrast
    slope: Slope
    name: str

    @property
    def single(self) -> Contrast:
        """The contrast at the point, without a slope."""
        given = self.contrast
        if self.slope.axis == "language":
            terms = tuple(replace(term, languages=()) for term in given.terms)
            return replace(given, slope=None, terms=terms, languages=(self.name,))
        return replace(given, slope=None, terms=tuple(at_point(self.slope, self.name, term) for term in given.terms))

    @property
    def has_spread(self) -> bool:
        """Whether the languages of the point can be evaluated alone."""
        names_languages = all(term.languages for term in self.contrast.terms)
        return self.slope.axis != "language" and not self.contrast.each and not names_languages


def point_table(data: RunData) -> pd.DataFrame:
    """The points of all slopes of the space, with COLUMNS. A point without scores is left out."""
    points = {f"{number}": point for number, point in enumerate(_points(data.space))}
    whole = [replace(point.single, name=key) for key, point in points.items()]
    spread = [replace(single, each=("language",)) for single in whole if points[single.name].has_spread]
    # One call, so that outcomes are read once. The sums of languages have other names than the whole ones.
    table = contrast_table(data, [*whole, *(replace(single, name=f"{single.name} each") for single in spread)])
    table = table[table["estimate"].notna()]
    is_whole = table["contrast"].isin(points)
    by_language = table[~is_whole].assign(contrast=table["contrast"].str.removesuffix(" each"))
    spreads = by_language.groupby(["contrast", "model"])["estimate"].agg(["std", "count"])
    rows = table[is_whole]
    spreads = spreads.reindex(pd.MultiIndex.from_frame(rows[["contrast", "model"]]))
    owners = [points[key] for key in rows["contrast"]]
    return rows.assign(
        contrast=[point.contrast.name for point in owners],
        covariate=[point.slope.covariate for point in owners],
        point=[point.name for point in owners],
        value=[float(point.slope.values[point.name]) for point in owners],
        language=np.where([point.slope.axis == "language" for point in owners], "", rows["language"]),
        sd_languages=spreads["std"].to_numpy(),
        num_languages=spreads["count"].to_numpy(),
    )[list(COLUMNS)].reset_index(drop=True)


def _points(space: Space) -> Iterator[_Point]:
    """The points of all slopes of a space, those of one slope in the order of their values."""
    names = space.contrast_names()
    for contrast in space.contrasts:
        if contrast.slope:
            slope = replace(contrast.slope, values=names.values(contrast.slope))
            for name in sorted(slope.values, key=slope.values.__getitem__):
                yield _Point(contrast=contrast, slope=slope, name=name)
