"""`sweeper export`: an encoder or a trained target of a run, as a folder of its own."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweeper.cli.arguments import OtherMirror, RunFolder
from sweeper.cli.output import out

if TYPE_CHECKING:
    from sweeper.records.record import TrainingRecord


def export(
    run_folder: RunFolder,
    folder: Annotated[str, typer.Option("--out", metavar="DIR", help="Folder to write.")],
    recipe: Annotated[
        str, typer.Option(help="Recipe. Default: the best one for the target by English selection data.")
    ] = "",
    target: Annotated[str, typer.Option(help="Target. Default: the encoder as the recipe prepared it.")] = "",
    seed: Annotated[int | None, typer.Option(help="Replicate seed. Default: the first one with a result.")] = None,
    with_head: Annotated[
        bool, typer.Option("--with-head", help="Export the trained target with its head, for `pipeline(...)`.")
    ] = False,
    model: Annotated[str, typer.Option(help="The model, if the run has several.")] = "",
    mirror: OtherMirror = None,
    push: Annotated[str, typer.Option(metavar="REPO", help="Also upload the folder to this Hub repository.")] = "",
    public: Annotated[bool, typer.Option("--public", help="Make a new repository public; default: private.")] = False,
) -> None:
    """Write a prepared encoder, or a trained target with its head, as a Hugging Face folder with a model card.

    Reported scores take no part in the choice of recipe and seed.
    """
    from sweeper import analysis

    path = Path(folder)
    if push:
        from sweeper.data.push import check_can_push

        check_can_push(push)
    data = analysis.load(run_folder)
    options = analysis.ExportOptions(target=target, recipe=recipe, model=model, seed=seed, with_head=with_head)
    analysis.check_is_new(path)
    chosen = analysis.choose_export(data, options)
    if with_head:
        _write_with_head(run_folder, chosen.record, path, mirror)
    else:
        analysis.copy_encoder(run_folder, chosen, path)
    analysis.write_card(data, chosen, path)
    out.print(f"Exported: {path}", markup=False, soft_wrap=True)
    if push:
        from sweeper.data.push import push as upload

        out.print(f"Uploaded: {upload(path, push, private=not public)}", markup=False, soft_wrap=True)


def _write_with_head(run_folder: str, record: "TrainingRecord", path: Path, mirror: str | None) -> None:
    from sweeper.training.export import export_with_head

    written = export_with_head(run_folder, record, path, mirror, out.print)
    if written.is_retrained:
        out.print("Its scores equal those of the ledger.")
    out.print(f"Class: {written.kind}", markup=False)
