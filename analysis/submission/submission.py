"""Leaderboard submissions: the recipe and seed of each target, checks of its predictions, and the files."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from sweeper.errors import UserError, unknown
from sweeper.files.draft import atomic_folder
from sweeper.files.folder import Folder
from sweeper.records.record import ScoreRecord
from sweeper.run.ledger import Ledger
from sweeper.run.run import Run
from sweeper.space import Target
from sweeper.tasks.benchmarks import BENCHMARKS, SIZES, TYDIQA_EXAMPLES, XTREME, Benchmark, Entry
from sweeper.tasks.catalog import CATALOG

from ..results.benchmark import SINGLE_POOL, column_of, data_departures, exclusions
from ..results.best import NAMED, best_per_target, first_seed_scores, reason
from ..results.load import RunData, load
from ..results.names import check_recipe, one_model
from .gold import check_sentences, gold_file
from .layouts import EXTENSIONS, LAYOUTS, LayoutError, Sheet
from .notes import language_notes, retrieval_note, unchecked_note

CHOICE_FILE = "chosen.json"
"""File with the recipe and seed of each folder."""


_BENCHMARKS = {benchmark.name: benchmark for benchmark in BENCHMARKS}


@dataclass(frozen=True, kw_only=True)
class SubmissionOptions:
    """The recipes, model and targets of a submission. Raises UserError unless one way to choose recipes is given."""

    best_per_target: bool = False
    recipe: str = ""
    """The recipe of all targets, instead of the best one of each."""
    model: str = ""
    targets: tuple[str, ...] = ()
    """Targets to include; empty: all targets of the run that belong to the benchmark."""
    benchmark: str = XTREME.name
    """`xtreme` or `xtreme-r`."""
    gold: str = ""
    """The user's copy of the part-of-speech data. The sentences of the predictions are compared with it. Empty: the
    folder `local/udpos` in the working directory."""

    def __post_init__(self) -> None:
        if self.benchmark not in _BENCHMARKS:
            raise unknown("benchmark", self.benchmark, _BENCHMARKS)
        if self.best_per_target == bool(self.recipe):
            raise UserError("A submission needs either --best-per-target or --recipe NAME.")


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The cell whose predictions a folder contains."""

    folder: str
    target: str
    recipe: str
    seed: int | None
    """None for retrieval with the pretrained encoder, which has no seed."""
    by: str
    """The reason for this recipe."""
    num_languages: int = 0
    num_examples: int = 0


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A submission that was written."""

    path: Path
    chosen: tuple[Chosen, ...]
    missing: tuple[str, ...]
    """Folders of the benchmark that it does not contain."""
    notes: tuple[str, ...]


@dataclass
class _Draft:
    """Files and the problems with them, collected before anything is written."""

    data: RunData
    ledger: Ledger
    benchmark: Benchmark
    model: str
    gold: str = ""
    unchecked: list[str] = field(default_factory=list)
    """Files whose number of examples could not be compared with anything."""
    files: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def write_submission(run: str, options: SubmissionOptions, out: str | None = None) -> Submission:
    """Write the predictions of a run on the test split to the local folder `out` (default: RUN/submission).

    The seed of a target is the first replicate seed with a score, however high the score is. Raises UserError and
    writes nothing if the run was scored on dev, a name is unknown, `out` is not empty, or a file would lack a language
    or an example.
    """
    data = load(run)
    space = data.space
    if space.evaluate != "test":
        raise UserError(
            f"{run} was scored on {space.evaluate}, but a submission needs predictions on test. Run the space with "
            "--set evaluate=test and another --out; --store shares the existing encoders."
        )
    path = _output_folder(run, out)
    benchmark, model = _BENCHMARKS[options.benchmark], one_model(space, options.model)
    ledger = Run.open(run).ledger
    draft = _Draft(data=data, ledger=ledger, benchmark=benchmark, model=model, gold=options.gold)
    entries, omissions = _entries(data, benchmark, options)
    recipes = _recipes(draft, options, [target for _, target in entries])
    chosen = [_add(draft, entry, target, recipes[target.task]) for entry, target in entries]
    if draft.problems:
        raise UserError(_problem_message(draft.problems, chosen))
    _write(path, draft.files, chosen)
    folders = {entry.folder for entry, _ in entries}
    return Submission(
        path=path,
        chosen=tuple(chosen),
        missing=tuple(entry.folder for entry in benchmark.entries if entry.folder not in folders),
        notes=(
            *omissions,
            *unchecked_note(draft.unchecked, benchmark),
            *language_notes(space, {cell.folder: (cell.recipe, cell.target) for cell in chosen}),
            *(retrieval_note(space, recipes, benchmark) if options.best_per_target else ()),
        ),
    )


def _problem_message(problems: Sequence[str], chosen: Sequence[Chosen]) -> str:
    lines = "\n".join(f"  {problem}" for problem in problems)
    complete = [cell.target for cell in chosen if not any(line.startswith(f"{cell.folder}/") for line in problems)]
    hint = f"--targets {','.join(complete)} writes the complete folders." if complete else "No folder is complete."
    return f"The submission would be incomplete, so nothing is written:\n{lines}\n{hint}"


def _output_folder(run: str, out: str | None) -> Path:
    path = Folder(out).local if out else Run.at(run).submission
    if path is None:
        raise UserError("A submission is written to a local folder. Name one with --out DIR.")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UserError(f"{path} is not empty. Name a new folder with --out DIR.")
    return path


def _entries(
    data: RunData, benchmark: Benchmark, options: SubmissionOptions
) -> tuple[list[tuple[Entry, Target]], list[str]]:
    """The tasks of the benchmark that are targets of the run, in the order of the benchmark, and reasons for omissions.

    Targets that cannot be submitted are omitted. If they are requested by name, they become a problem instead.
    """
    space, title = data.space, benchmark.title
    pairs = {target.task: (entry, target) for entry in benchmark.entries if (target := column_of(entry, space))}
    for name in options.targets:
        if name not in pairs:
            raise unknown(f"target of {title} in this run", name, pairs)
    if not pairs:
        names = ", ".join(entry.name for entry in benchmark.entries)
        raise UserError(f"No target of this run is a task of {title} ({names}), so there is nothing to submit.")
    if options.targets:
        return [pair for name, pair in pairs.items() if name in options.targets], []
    reasons = {
        name: reason for name, (entry, target) in pairs.items() if (reason := _reason_to_omit(data, entry, target))
    }
    if len(reasons) == len(pairs):
        raise UserError(f"There is nothing to submit: {' '.join(reasons.values())}")
    notes = [f"{pairs[name][0].folder} is omitted: {reason}" for name, reason in reasons.items()]
    return [pair for name, pair in pairs.items() if name not in reasons], notes


def _recipes(draft: _Draft, options: SubmissionOptions, targets: Sequence[Target]) -> Mapping[str, tuple[str, str]]:
    """Target -> its recipe, and the reason in words."""
    data = draft.data
    if options.recipe:
        return {target.task: (check_recipe(data.space, options.recipe), NAMED) for target in targets}
    names = [target.task for target in targets]
    best_recipes = best_per_target(data, draft.model, names, among=draft.benchmark)
    num_recipes = len(data.space.recipes)
    return {target: (best.recipe, reason(target, best, num_recipes)) for target, best in best_recipes.items()}


def _add(draft: _Draft, entry: Entry, target: Target, choice: tuple[str, str]) -> Chosen:
    """Add the files of a folder to the draft, or the problems with them."""
    recipe, by = choice
    draft.problems += [f"{entry.folder}/: {problem}" for problem in _limits(draft.data, entry, target)]
    scores = first_seed_scores(draft.data, draft.model, recipe, target.task)
    if not scores:
        draft.problems.append(f"{entry.folder}/: {recipe} -> {target.task} has no test score yet")
    sheets = _sheets(draft, entry, scores) if scores else {}
    for language in entry.languages if scores and entry.layout else ():
        _add_file(draft, entry, language, sheets.get(language))
    num_examples = sum(len(sheet.rows) for sheet in sheets.values())
    if entry.folder == "tydiqa" and len(sheets) == len(entry.languages) and num_examples != TYDIQA_EXAMPLES:
        draft.problems.append(
            f"tydiqa/: {num_examples:,} examples in all, but the published split has {TYDIQA_EXAMPLES:,}"
        )
    return Chosen(
        folder=entry.folder, target=target.task, recipe=recipe, seed=scores[0].seed if scores else None, by=by,
        num_languages=len(sheets), num_examples=num_examples,
    )  # fmt: skip


def _reason_to_omit(data: RunData, entry: Entry, target: Target) -> str:
    """The reason why a target cannot be submitted at all, and the remedy; "" if it can."""
    if not entry.layout:
        return f"the scorer of the benchmark, `evaluate.py`, reads no predictions of {entry.name}."
    if SINGLE_POOL in exclusions(data.space, target):
        return (
            f"{target.task} was {SINGLE_POOL}; a submission needs every pair. `sweeper tasks {entry.name}` describes "
            "the layout of both pools."
        )
    departed = list(data_departures(data.space, target))
    return f"the data of {target.task} depart from the benchmark: {', '.join(departed)}." if departed else ""


def _limits(data: RunData, entry: Entry, target: Target) -> Iterator[str]:
    """The reasons why the predictions on a target are not those that the benchmark scores."""
    if reason_to_omit := _reason_to_omit(data, entry, target):
        yield reason_to_omit
    yield from (f"{target.task} was {limit}" for limit in exclusions(data.space, target) if limit != SINGLE_POOL)


def _sheets(draft: _Draft, entry: Entry, scores: Iterable[ScoreRecord]) -> dict[str, Sheet]:
    """Language -> its outcomes. If a language was scored twice, the score with more examples is used."""
    labels = CATALOG[entry.name].labels
    sheets: dict[str, Sheet] = {}
    for score in sorted(scores, key=lambda score: score.key):
        for language, rows in _by_language(draft.ledger.outcomes(score), score):
            if language in entry.languages and (language not in sheets or len(sheets[language].rows) < len(rows)):
                sheets[language] = Sheet(language=language, rows=rows, labels=labels)
    return sheets


def _by_language(outcomes: pd.DataFrame, score: ScoreRecord) -> Iterator[tuple[str, pd.DataFrame]]:
    for language in score.metrics:
        yield language, outcomes[outcomes["language"] == language].reset_index(drop=True)


def _add_file(draft: _Draft, entry: Entry, language: str, sheet: Sheet | None) -> None:
    name = f"{entry.folder}/test-{language}.{EXTENSIONS.get(entry.layout, 'tsv')}"
    if sheet is None:
        draft.problems.append(f"{name}: the run has no predictions in {language}")
        return
    size = SIZES["test"].get(entry.name, {}).get(language)
    if size is not None and entry.layout != "pairs" and len(sheet.rows) != size:
        draft.problems.append(f"{name}: {len(sheet.rows):,} examples, but the published split has {size:,}")
        return
    try:
        if size is None and entry.layout == "tags":
            _check_gold(draft, entry, sheet, name)
        draft.files[name] = LAYOUTS[entry.layout](sheet)
    except LayoutError as reason:
        draft.problems.append(f"{name}: {reason}")


def _check_gold(draft: _Draft, entry: Entry, sheet: Sheet, name: str) -> None:
    """Compare the sentences with the user's copy of the data. Raises LayoutError if they differ."""
    gold = gold_file(draft.data.space.task(entry.name), sheet.language, draft.gold)
    if gold is None:
        draft.unchecked.append(name)
    else:
        check_sentences(sheet, gold)


def _write(folder: Path, files: Mapping[str, str], chosen: Sequence[Chosen]) -> None:
    """Write the complete folder or nothing."""

    def fill(draft: Path) -> None:
        for name, text in files.items():
            path = draft / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        (draft / CHOICE_FILE).write_text(json.dumps([vars(cell) for cell in chosen], indent=1) + "\n", encoding="utf-8")

    atomic_folder(folder, fill)
