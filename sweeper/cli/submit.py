"""`sweeper submit`: predictions for a leaderboard."""

from typing import Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from sweeper.cli.arguments import RunFolder
from sweeper.cli.output import out


def submit(
    run_folder: RunFolder,
    best_per_target: Annotated[
        bool,
        typer.Option("--best-per-target", help="Use the best recipe of each target by English selection data."),
    ] = False,
    recipe: Annotated[str, typer.Option(help="Use this recipe for all targets.")] = "",
    targets: Annotated[str, typer.Option(help="Targets to include, comma-separated (all of the benchmark).")] = "",
    benchmark: Annotated[str, typer.Option(help="xtreme or xtreme-r.")] = "xtreme",
    gold: Annotated[
        str, typer.Option(metavar="DIR", help="Data of `pos` to compare sentences with (local/udpos).")
    ] = "",
    model: Annotated[str, typer.Option(help="The model, if the run has several.")] = "",
    folder: Annotated[
        str | None, typer.Option("--out", metavar="DIR", help="Folder to write (RUN/submission).")
    ] = None,
) -> None:
    """Write test predictions for the leaderboard of XTREME or XTREME-R, and check them. Writes all files or none."""
    from sweeper import analysis

    names = tuple(name for name in targets.split(",") if name)
    submission_options = analysis.SubmissionOptions(
        best_per_target=best_per_target, recipe=recipe, model=model, targets=names, benchmark=benchmark, gold=gold
    )
    submission = analysis.write_submission(run_folder, submission_options, folder)
    table = Table("folder", "recipe", "seed", "languages", "items", "recipe chosen by", box=box.SIMPLE_HEAD)
    for entry in submission.chosen:
        seed = "–" if entry.seed is None else str(entry.seed)
        numbers = (str(entry.num_languages), f"{entry.num_examples:,}")
        table.add_row(entry.folder, escape(entry.recipe), seed, *numbers, escape(entry.by))
    out.print(table)
    if submission.missing:
        out.print(f"Missing for a complete leaderboard entry: {', '.join(submission.missing)}.", markup=False)
    for note in submission.notes:
        out.print(note, markup=False)
    out.print(f"Submission: {submission.path}", markup=False)
