"""A leaderboard submission out of a run folder: which row and seed stands for each target, checks, and the files."""

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
from sweeper.tasks.benchmarks import SIZES, TYDIQA_EXAMPLES, XTREME, Entry
from sweeper.tasks.catalog import CATALOG

from ..results.benchmark import ONE_POOL, column_of, exclusions
from ..results.best import Best, best_per_target
from ..results.load import CLEAN, RunData, load
from .layouts import LAYOUTS, Sheet, Unfit

CHOICE_FILE = "chosen.json"
"""Which row and seed each folder was predicted by."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a user wants submitted."""

    best_per_target: bool = False
    recipe: str = ""
    """The row of every target, where it is not the best one of each."""
    model: str = ""
    targets: tuple[str, ...] = ()
    """Targets to hold; (): every one that the run has and XTREME too."""

    def __post_init__(self) -> None:
        if self.best_per_target == bool(self.recipe):
            raise UserError("A submission takes either --best-per-target or --recipe NAME.")


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The cell that a folder is predicted by."""

    folder: str
    target: str
    recipe: str
    seed: int | None
    """None for the raw encoder's retrieval, which has no seed."""
    by: str
    """Why this row."""
    num_languages: int = 0
    num_examples: int = 0


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A submission that was written."""

    place: Path
    chosen: tuple[Chosen, ...]
    absent: tuple[str, ...]
    """Folders of the benchmark that it does not hold."""
    notes: tuple[str, ...]


@dataclass
class _Draft:
    """Files and what stands against them, gathered before anything is written."""

    data: RunData
    ledger: Ledger
    model: str
    files: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def write_submission(run: str, wish: Wish, out: str | None = None) -> Submission:
    """Write the prediction files of a run's test split into the local folder `out` (default: RUN/submission).

    The seed is the first of the space's replicate seeds, whatever it scored. Raises UserError, and writes nothing, if
    the run was scored on dev, a name is unknown, `out` is taken, or any file would lack a language or an item.
    """
    data = load(run)
    space = data.space
    if space.evaluate != "test":
        raise UserError(
            f"{run} was scored on {space.evaluate}; a submission holds predictions of test: run the same space with "
            "--set evaluate=test and an --out of its own (--store shares the encoders that are there)."
        )
    place = _place(run, out)
    draft = _Draft(data=data, ledger=Run.open(run).ledger, model=_model(data, wish))
    entries, unfit = _entries(data, wish)
    rows = _rows(draft, wish, [target for _, target in entries])
    chosen = [_add(draft, entry, target, rows[target.task]) for entry, target in entries]
    if draft.problems:
        told = "\n".join(f"  {problem}" for problem in draft.problems)
        good = [one.target for one in chosen if not any(line.startswith(f"{one.folder}/") for line in draft.problems)]
        hint = f"--targets {','.join(good)} writes what is whole." if good else "No folder is whole."
        raise UserError(f"The submission would not be whole, so nothing is written:\n{told}\n{hint}")
    _write(place, draft.files, chosen)
    held = {entry.folder for entry, _ in entries}
    return Submission(
        place=place,
        chosen=tuple(chosen),
        absent=tuple(entry.folder for entry in XTREME.entries if entry.folder not in held),
        notes=(*unfit, *_notes(held), *_chosen_by_others(data, wish, [target.task for _, target in entries])),
    )


def _place(run: str, out: str | None) -> Path:
    place = Folder(out).local if out else Run.at(run).submission
    if place is None:
        raise UserError("A submission is written to a local folder: name one with --out DIR.")
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise UserError(f"{place} is not empty: name a folder that is new with --out DIR.")
    return place


def _model(data: RunData, wish: Wish) -> str:
    names = [model.name for model in data.space.models]
    if wish.model and wish.model not in names:
        raise unknown("model", wish.model, names)
    if not wish.model and len(names) > 1:
        raise UserError(f"A submission is one model's: name one with --model, of {', '.join(names)}.")
    return wish.model or names[0]


def _entries(data: RunData, wish: Wish) -> tuple[list[tuple[Entry, Target]], list[str]]:
    """The benchmark's tasks that the run has as columns, in the benchmark's order, and why some are left out.

    Left out are mined pairs that no folder can be made of, unless they are asked for: then they are a problem.
    """
    space = data.space
    held = {target.task: (entry, target) for entry in XTREME.entries if (target := column_of(entry, space))}
    for name in wish.targets:
        if name not in held:
            raise unknown("target of XTREME in this run", name, held)
    if not held:
        names = ", ".join(entry.name for entry in XTREME.entries)
        raise UserError(f"No column of this run is a task of XTREME ({names}), so there is nothing to submit.")
    if wish.targets:
        return [one for name, one in held.items() if name in wish.targets], []
    unfit = {name: told for name, (entry, target) in held.items() if (told := _unfit(data, entry, target))}
    if len(unfit) == len(held):
        raise UserError(f"There is nothing to submit: {' '.join(unfit.values())}")
    notes = [f"{held[name][0].folder} is left out: {told}" for name, told in unfit.items()]
    return [one for name, one in held.items() if name not in unfit], notes


def _rows(draft: _Draft, wish: Wish, targets: Sequence[Target]) -> Mapping[str, tuple[str, str]]:
    """Target -> its row, and the reason in words."""
    data = draft.data
    if wish.recipe:
        names = [recipe.name for recipe in data.space.recipes]
        if wish.recipe not in names:
            raise unknown("row", wish.recipe, names)
        return {target.task: (wish.recipe, "named") for target in targets}
    found = best_per_target(data, draft.model, [target.task for target in targets], among=XTREME)
    num_rows = len(data.space.recipes)
    return {target: (best.recipe, _reason(target, best, num_rows)) for target, best in found.items()}


def _reason(target: str, best: Best, num_rows: int) -> str:
    where = "" if best.columns == (target,) else f", mean of {', '.join(best.columns)}"
    lacking = best.num_compared < num_rows
    among = f", of the {best.num_compared} of {num_rows} rows that have every seed" if lacking else ""
    return f"best English selection value, {100 * best.value:.2f}{where}{among}"


def _add(draft: _Draft, entry: Entry, target: Target, row: tuple[str, str]) -> Chosen:
    """Add a folder's files to the draft, or what is wrong with them."""
    recipe, by = row
    draft.problems += [f"{entry.folder}/: {problem}" for problem in _limits(draft.data, entry, target)]
    scores, seed = _scores(draft, target.task, recipe)
    if not scores:
        draft.problems.append(f"{entry.folder}/: {recipe} -> {target.task} has no test score yet")
    sheets = _sheets(draft, entry, scores) if scores else {}
    for language in entry.languages if scores else ():
        _add_file(draft, entry, language, sheets.get(language))
    num_examples = sum(len(sheet.rows) for sheet in sheets.values())
    if entry.folder == "tydiqa" and len(sheets) == len(entry.languages) and num_examples != TYDIQA_EXAMPLES:
        draft.problems.append(f"tydiqa/: {num_examples:,} items in all, the published split has {TYDIQA_EXAMPLES:,}")
    return Chosen(
        folder=entry.folder, target=target.task, recipe=recipe, seed=seed, by=by, num_languages=len(sheets),
        num_examples=num_examples,
    )  # fmt: skip


def _unfit(data: RunData, entry: Entry, target: Target) -> str:
    """Why no row and no seed of a column could be submitted, and what to do; "" if one could."""
    if ONE_POOL not in exclusions(data.space, target):
        return ""
    return (
        f"{target.task} was {ONE_POOL}; a submission needs every pair. `sweeper tasks {entry.name}` says how both "
        "pools are laid out."
    )


def _limits(data: RunData, entry: Entry, target: Target) -> Iterator[str]:
    """What the space says that leaves items out."""
    for limit in exclusions(data.space, target):
        yield _unfit(data, entry, target) if limit == ONE_POOL else f"{target.task} was {limit}"


def _scores(draft: _Draft, target: str, recipe: str) -> tuple[list[ScoreRecord], int | None]:
    """The score records of a cell's first seed, several where languages were scored one after the other."""
    own = [
        score
        for score in draft.data.cell_scores
        if (score.model, score.target, score.recipe, score.condition) == (draft.model, target, recipe, CLEAN)
    ]
    for seed in (None, *draft.data.space.seeds):
        found = [score for score in own if score.seed == seed]
        if found:
            return found, seed
    return [], None


def _sheets(draft: _Draft, entry: Entry, scores: Iterable[ScoreRecord]) -> dict[str, Sheet]:
    """Language -> its outcomes; where a language was scored twice, the score on more items."""
    labels = CATALOG[entry.name].labels
    found: dict[str, Sheet] = {}
    for score in sorted(scores, key=lambda score: score.key):
        for language, rows in _by_language(draft.ledger.outcomes(score), score):
            if language in entry.languages and (language not in found or len(found[language].rows) < len(rows)):
                found[language] = Sheet(language=language, rows=rows, labels=labels)
    return found


def _by_language(outcomes: pd.DataFrame, score: ScoreRecord) -> Iterator[tuple[str, pd.DataFrame]]:
    for language in score.metrics:
        yield language, outcomes[outcomes["language"] == language].reset_index(drop=True)


def _add_file(draft: _Draft, entry: Entry, language: str, sheet: Sheet | None) -> None:
    name = f"{entry.folder}/test-{language}.{'json' if entry.layout == 'answers' else 'tsv'}"
    if sheet is None:
        draft.problems.append(f"{name}: the run holds no predictions in {language}")
        return
    size = SIZES["test"].get(entry.name, {}).get(language)
    if size is not None and entry.layout != "pairs" and len(sheet.rows) != size:
        draft.problems.append(f"{name}: {len(sheet.rows):,} items, the published split has {size:,}")
        return
    try:
        draft.files[name] = LAYOUTS[entry.layout](sheet)
    except Unfit as reason:
        draft.problems.append(f"{name}: {reason}")


def _notes(folders: Iterable[str]) -> Iterator[str]:
    if "udpos" in folders:
        yield (
            "udpos: sentences are those of the Hub's google/xtreme; XTREME's own preprocessing may keep others (German "
            "has 22,458 on the Hub, no language more than 20,436 in RemBERT's table of XTREME), and its scorer refuses "
            "another number."
        )


def _chosen_by_others(data: RunData, wish: Wish, targets: Iterable[str]) -> Iterator[str]:
    """That retrieval's rows are chosen by what other targets came to."""
    names = [target for target in targets if not data.space.task(target).training_task]
    if names and wish.best_per_target:
        whose = ("it", "its row is") if len(names) == 1 else ("them", "their row is")
        yield (
            f"{', '.join(names)}: retrieval trains nothing, so no selection value speaks of {whose[0]}; {whose[1]} the "
            "best one of the run's targets of XTREME that train, by their mean. "
            f"--recipe ROW --targets {','.join(names)} --out DIR writes another."
        )


def _write(place: Path, files: Mapping[str, str], chosen: Sequence[Chosen]) -> None:
    """Write the whole folder or none of it."""

    def fill(draft: Path) -> None:
        for name, text in files.items():
            path = draft / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        (draft / CHOICE_FILE).write_text(json.dumps([vars(one) for one in chosen], indent=1) + "\n", encoding="utf-8")

    atomic_folder(place, fill)
