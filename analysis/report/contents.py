"""The list of the files of a report, for readers of report.md."""

from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import PurePath

CONTENTS = (
    (("report.html",), "the matrix with the details of all cells and trials: open this in a browser"),
    (("report.json",), "the data of this page"),
    (("appendix.md",), "scores, benchmark means, languages, correlations, dials, failures, limitations, licences"),
    (("methods.md",), "a paragraph for a paper, with versions, hardware, cost and data fingerprints"),
    (("questions-*.md",), "planned comparisons, one page for each family"),
    (("heatmap", "heatmap-column", "heatmap-slide"), "the matrix as PDF, SVG and PNG, in three sizes"),
    (
        (
            *("forest", "languages", "distances", "correlations", "traits", "search", "timeline", "planted", "layers"),
            "questions-*",
        ),
        "further figures as PDF and PNG",
    ),
    (
        ("cells.csv", "languages.csv"),
        "scores and gains of cells, on average and by language, with intervals and marks",
    ),
    (("english.csv",), "gain in each language minus gain in English"),
    (("distances.csv", "families.csv"), "gains against the distance, family, script and resources of a language"),
    (("seeds.csv",), "score and gain of each seed"),
    (("means.csv", "best.csv"), "mean gain of each recipe, and the recipes that cannot be distinguished from the best"),
    (("correlations.csv", "predictors.csv"), "all correlations, and predictors of transfer"),
    (("trials.csv", "marks.csv"), "all trainings, and all marks of cells"),
    (("planted.csv",), "planted and measured gains"),
    (("layers.csv",), "scores by layer"),
    (("contrasts.csv", "claims.csv", "slope_points.csv"), "planned comparisons, and the points of slopes"),
    (
        ("language_permutations.csv", "source_matrix.csv", "english_regret.csv", "source_resources.csv"),
        "contrasts over source languages: permuted labels, gains over English, the cost of English, few resources",
    ),
    (("robustness.md", "robustness.csv"), "scores under further conditions"),
    (("calibration.csv",), "how far the probabilities of predictions are from their accuracy"),
    (("difficulty.md", "difficulty.csv"), "measures of the difficulty of the intermediate tasks"),
    (("cartography",), "data maps of the intermediate tasks as PDF and PNG"),
    (("tables/gains.tex", "tables/scores.tex", "tables/means.tex"), "gains, scores and means for LaTeX with booktabs"),
)
"""Files of a report, without the suffix of a further model, and their content. A name without an ending is a figure."""


def file_rows(files: Collection[str], suffixes: Collection[str]) -> Iterator[tuple[str, str]]:
    """The names that were written, and their content, as rows of a table.

    `files` are the names of all files of the report, `suffixes` those of the files of each model.
    """
    for names, content in CONTENTS:
        written = [name for name in names if _is_written(name, files, suffixes)]
        if written:
            yield ", ".join(written), content


def with_rows(files: Mapping[str, bytes]) -> list[str]:
    """The names of the files without CSV files that have only a header. `files`: name -> content."""
    return [name for name, content in files.items() if not name.endswith(".csv") or content.count(b"\n") > 1]


def _is_written(name: str, files: Collection[str], suffixes: Collection[str]) -> bool:
    path = PurePath(name)
    stem, ending = str(path.with_suffix("")), path.suffix or ".png"
    patterns = [f"{stem}{suffix}{ending}" for suffix in suffixes]
    return any(fnmatchcase(file, pattern) for pattern in patterns for file in files)
