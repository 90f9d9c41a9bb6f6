"""`sweeper export`: an encoder of a run, as a folder of its own."""

from pathlib import Path
from typing import Annotated

import typer

from sweeper.cli.arguments import RunFolder
from sweeper.cli.output import out


def export(
    run_folder: RunFolder,
    target: Annotated[str, typer.Option(help="Target whose best encoder is copied.")],
    folder: Annotated[str, typer.Option("--out", metavar="DIR", help="Folder to write.")],
    recipe: Annotated[
        str, typer.Option(help="Use this recipe instead of the best one by English selection data.")
    ] = "",
    model: Annotated[str, typer.Option(help="The model, if the run has several.")] = "",
) -> None:
    """Copy the best prepared encoder for a target, with a model card. Reported scores take no part in the choice."""
    from sweeper import analysis

    path = analysis.export_best(run_folder, target, Path(folder), recipe, model)
    out.print(f"Exported: {path}", markup=False)
