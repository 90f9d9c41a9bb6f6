"""Makes the files of sweeper/tasks/uriel from URIEL+, and compares the families of the languages with it.

    pip install urielplus==1.3.2
    python -m benchmarks.distances

Needs numpy and the data of urielplus alone, so that urielplus can have an environment of its own. Distances are those
of `URIELPlus.new_distance` with its defaults: angular, over the features that both languages have, and with the union
of the sources of a feature. Two cases differ: a language without relatives has the genetic distance 1 to all others,
and a distance over fewer than MIN_SHARED features is left out. `--check` compares all other distances with URIEL+'s own
function, in ten minutes.
"""

import argparse
import csv
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sweeper.tasks.distances import FOLDER, KINDS
from sweeper.tasks.languages import FAMILIES, ISO_639_3

MIN_SHARED = 20
"""Fewest features that two languages must have in common. Over twelve, Kazakh would be at distance 0 from Bengali."""
OTHER_CODES: Mapping[str, tuple[str, ...]] = {
    "ar": ("arb",),
    "az": ("azj",),
    "et": ("ekk",),
    "ms": ("msa", "zsm"),
    "qu": ("que", "quy"),
}
"""Language -> ISO 639-3 codes with which URIEL+ describes it: the first one with data counts, and before them that of
ISO_639_3 unless it is listed. URIEL+ has some properties of a macrolanguage and others of its largest member."""
FILES: Mapping[str, str] = {"genetic": "family_features", "geographic": "geocoord_features"}
"""Kind of distance -> the file of its features; `features` for the others."""
PREFIXES: Mapping[str, str] = {"syntactic": "S_", "phonological": "P_", "inventory": "INV_"}
"""Kind of distance -> the first letters of its features; a kind that is not listed has all features of its file."""


@dataclass(frozen=True, kw_only=True)
class Features:
    """The features of one kind: known values of each language."""

    codes: Mapping[str, str]
    """Language -> the ISO 639-3 code whose features are used."""
    values: Mapping[str, npt.NDArray[np.float64]]
    """Language -> values, nan if unknown."""


def iso_codes(language: str) -> tuple[str, ...]:
    other = OTHER_CODES.get(language, ())
    return other if ISO_639_3[language] in other else (ISO_639_3[language], *other)


def read_features(folder: Path, kind: str) -> Features:
    """The features of one kind of all languages that have any. A language without relatives has zeros."""
    arrays = np.load(folder / f"database/original_uriel/{FILES.get(kind, 'features')}.npz")
    places = {str(code): number for number, code in enumerate(arrays["langs"])}
    chosen = np.char.startswith(arrays["feats"].astype(str), PREFIXES.get(kind, ""))
    codes, values = {}, {}
    for language in sorted(ISO_639_3):
        rows = {code: _union(arrays["data"][places[code]][chosen]) for code in iso_codes(language) if code in places}
        # In the family tree of a language, all branches are known, and those without it are 0.
        has_data = (code for code, row in rows.items() if (row.any() if kind == "genetic" else _num_known(row)))
        code = next(has_data, next(iter(rows), ""))
        if code:
            codes[language], values[language] = code, rows[code]
    return Features(codes=codes, values=values)


def _num_known(values: npt.NDArray[np.float64]) -> int:
    """Number of known values; 0 if they are too few for any distance."""
    num = int((~np.isnan(values)).sum())
    return num if num >= MIN_SHARED else 0


def _union(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The largest known value of each feature over its sources, from an array of shape (features, sources)."""
    known = np.where(values == -1, np.nan, values.astype(float))
    largest = np.where(np.isnan(known), -np.inf, known).max(axis=1)
    return np.where(np.isinf(largest), np.nan, largest)


def angular(features: Features, first: str, second: str, *, is_genetic: bool) -> float:
    """2 arccos(cos) / pi, rounded to four digits; nan with too few common features."""
    a, b = features.values[first], features.values[second]
    both = ~(np.isnan(a) | np.isnan(b))
    a, b = a[both], b[both]
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    if is_genetic and not lengths:
        return 1.0
    if both.sum() < MIN_SHARED or not lengths:
        return math.nan
    return round(2 * math.acos(max(-1.0, min(1.0, float(a @ b) / lengths))) / math.pi, 4)


def distance_rows(folder: Path) -> Iterator[list[str]]:
    """One row for each pair of languages in alphabetical order: both languages, and the distances of KINDS."""
    features = {kind: read_features(folder, kind) for kind in KINDS}
    for first, second in combinations(sorted(ISO_639_3), 2):
        distances = []
        for name, measured in features.items():
            has_both = {first, second} <= set(measured.values)
            distances.append(angular(measured, first, second, is_genetic=name == "genetic") if has_both else math.nan)
        yield [first, second, *("" if math.isnan(number) else f"{number:.4g}" for number in distances)]


def resources(folder: Path) -> Iterator[list[str]]:
    """Language, its ISO 639-3 code, and its level of resources."""
    tables = folder / "database/urielplus_csvs"
    levels = json.loads((tables / "resource_languages.json").read_text(encoding="utf-8"))
    level_of = {code: level.removesuffix("-resource") for level, codes in levels.items() for code in codes}
    with (tables / "uriel_glottocode_map.csv").open(encoding="utf-8") as file:
        glottocodes = {row["iso_code"]: row["glottocode"] for row in csv.DictReader(file)}
    for language in sorted(ISO_639_3):
        known = [level_of.get(glottocodes.get(code, ""), "") for code in iso_codes(language)]
        yield [language, ISO_639_3[language], next(filter(None, known), "")]


def families(folder: Path) -> Iterator[str]:
    """A line for each family: our name and languages, and the outermost and innermost branches of URIEL+ they share."""
    arrays = np.load(folder / "database/original_uriel/family_features.npz")
    names, features = arrays["feats"].astype(str), read_features(folder, "genetic")
    for family in dict.fromkeys(FAMILIES.values()):
        members = [language for language, own in FAMILIES.items() if own == family]
        branches = [{str(name) for name in names[features.values[language] > 0]} for language in members]
        shared = set.intersection(*branches)
        yield f"{family:26} {' '.join(members):24} {', '.join(sorted(shared)) or 'no common branch'}"


def check(folder: Path) -> None:
    """Compare every distance with the function of URIEL+."""
    from urielplus.urielplus import URIELPlus  # noqa: PLC0415 - only this check needs it

    uriel = URIELPlus()
    features = {kind: read_features(folder, kind) for kind in KINDS}
    for name, measured in features.items():
        num, largest = 0, 0.0
        for first, second in combinations(measured.codes, 2):
            ours = angular(measured, first, second, is_genetic=name == "genetic")
            is_alone = name == "genetic" and not (measured.values[first].any() and measured.values[second].any())
            if not math.isnan(ours) and not is_alone:
                theirs = uriel.new_distance(name, measured.codes[first], measured.codes[second])
                num, largest = num + 1, max(largest, abs(ours - float(theirs)))
        print(f"{name}: {num} distances, largest difference {largest:.4f}")


def write(name: str, header: list[str], rows: Iterator[list[str]]) -> None:
    with (FOLDER / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the function of URIEL+, and write nothing")
    spec = find_spec("urielplus")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("URIEL+ is not installed. Run `pip install urielplus==1.3.2`.")
    folder = Path(spec.submodule_search_locations[0])
    if parser.parse_args().check:
        check(folder)
        return
    write("distances.csv", ["first", "second", *KINDS], distance_rows(folder))
    write("languages.csv", ["language", "iso_639_3", "resources"], resources(folder))
    print("\n".join(families(folder)))


if __name__ == "__main__":
    main()
