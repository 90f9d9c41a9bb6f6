"""`sweeper align`: word pairs for code-mixing from parallel sentences."""

from pathlib import Path
from typing import Annotated

import typer

from sweeper.cli.arguments import Cache, Mirror, Settings, SpaceName, changed_space, run_of
from sweeper.cli.options import run_options, sources_for
from sweeper.cli.output import out
from sweeper.errors import UserError


def align(
    context: typer.Context,
    space: SpaceName,
    task: Annotated[str, typer.Option("--task", metavar="TASK", help="Retrieval task with parallel sentences.")],
    file: Annotated[Path, typer.Option("--out", metavar="FILE", help="File to write, such as pairs.tsv.")],
    other: Annotated[str, typer.Option("--other", metavar="CODE", help="Language of the second sentences.")] = "en",
    mirror: Mirror = None,
    setting: Settings = None,
    cache: Cache = None,
) -> None:
    """Write word pairs for the condition code_mix, aligned from the parallel sentences of a retrieval task."""
    from sweeper.plan.align import aligned

    if not file.parent.is_dir():
        raise UserError(f"--out {file}: there is no folder {file.parent}. Create it, or name a file in another folder.")
    chosen = changed_space(space, setting)
    options, _ = run_options(context, chosen, run_of(space))
    lines = []
    for language, pairs in aligned(chosen, task, sources_for(chosen, options)):
        lines += [f"{language}\t{word}\t{other}\t{translation}\n" for word, translation in pairs]
        empty = ". A condition with these pairs must leave this language out" if not pairs else ""
        out.print(f"{language}: {len(pairs):,} word pairs{empty}")
    file.write_text("".join(lines), encoding="utf-8")
