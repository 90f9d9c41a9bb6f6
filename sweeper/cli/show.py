"""`sweeper show`: examples of a task as the model sees them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from sweeper.cli.arguments import Cache, Mirror, Settings, SpaceName, changed_space, run_of
from sweeper.cli.options import run_options, sources_for
from sweeper.cli.output import out

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from sweeper.plan.preview import Input, Preview, Request, ShownExample
    from sweeper.space import Space
    from sweeper.tuning.options import Options

MOST_INPUTS = 4
"""Features of one example that are printed."""
WIDTH = 100
"""Columns of a line of tokens with labels."""


def show(
    context: typer.Context,
    space: SpaceName,
    task: Annotated[str, typer.Option("--task", metavar="TASK", help="Task of the space or of the catalog.")],
    language: Annotated[str, typer.Option("--language", metavar="CODE", help="Language (en).")] = "",
    split: Annotated[str, typer.Option("--split", metavar="SPLIT", help="train, dev or test (train).")] = "",
    rows: Annotated[int, typer.Option("--rows", min=0, help="Number of examples.")] = 3,
    model: Annotated[str, typer.Option("--model", metavar="MODEL", help="Model of the space (the first one).")] = "",
    mirror: Mirror = None,
    setting: Settings = None,
    cache: Cache = None,
) -> None:
    """Show examples of a task as the model sees them: texts, tokens, labels, what is truncated, label counts."""
    from sweeper.plan.preview import Request

    chosen = changed_space(space, setting)
    options, _ = run_options(context, chosen, run_of(space))
    request = Request(task=task, split=split, language=language, rows=rows)
    for part in _parts(_preview(chosen, request, options, model)):
        out.print(part)


def _preview(space: "Space", request: "Request", options: "Options", name: str) -> "Preview":
    from sweeper.plan.preview import model_of, preview

    model = model_of(space, name)
    space.task(request.task)  # a name that does not exist is refused before a tokenizer is loaded
    sources = sources_for(space, options)
    location = sources.model_location(model.id)
    if not Path(location).is_dir() and not sources.places.is_on_hub(model.id):
        raise sources.places.no_model(model.id)
    from sweeper.data.tokenizer import load_tokenizer  # loads transformers

    return preview(space, request, sources, model, load_tokenizer(location, model.revision))


def _parts(shown: "Preview") -> "Iterator[RenderableType]":
    task = shown.task
    yield escape(
        f"Task {task.name} ({task.format}, {task.scorer}), {shown.split}, {shown.language}, with max_length "
        f"{shown.lengths.max_length} of {shown.owner}."
    )
    if shown.inferred.columns or shown.inferred.labels:
        yield escape(str(shown.inferred))
    for example in shown.examples:
        yield ""
        yield _example(example)
    yield ""
    yield from map(escape, _facts(shown))


def _example(example: "ShownExample") -> Table:
    table = Table.grid(padding=(0, 2))
    # Texts may fill the line, but a long text must not make the column of names narrow.
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("example", escape(example.id))
    for name, text in {**example.summary.texts, **example.summary.facts}.items():
        table.add_row(escape(name), escape(text))
    for number, part in enumerate(example.inputs[:MOST_INPUTS], start=1):
        name = f"tokens {number}" if len(example.inputs) > 1 else "tokens"
        table.add_row(name, escape("\n".join(_token_lines(part))))
    if len(example.inputs) > MOST_INPUTS:
        table.add_row("", f"and {len(example.inputs) - MOST_INPUTS} more")
    return table


def _token_lines(part: "Input") -> "Iterator[str]":
    """The tokens in one line; with labels, shorter lines, and below a line each label under its token."""
    if not any(part.marks):
        yield " ".join(part.tokens)
        return
    above, below = "", ""
    for token, mark in zip(part.tokens, part.marks, strict=True):
        width = max(len(token), len(mark)) + 1
        if above and len(above) + width > WIDTH:
            yield from _without_blank(above, below)
            above, below = "", ""
        above, below = above + token.ljust(width), below + mark.ljust(width)
    yield from _without_blank(above, below)


def _without_blank(*lines: str) -> "Iterator[str]":
    yield from (line.rstrip() for line in lines if line.strip())


def _facts(shown: "Preview") -> "Iterator[str]":
    from sweeper.data.survey import SAME_ITEM
    from sweeper.formats.table import properties_of
    from sweeper.plan.tables import label_text

    counts, sizes = shown.counts, shown.sizes
    dropped = f", {counts.dropped:,} of them without a label" if counts.dropped else ""
    yield f"Rows: {counts.rows:,}{dropped}; examples: {counts.examples:,}."
    if counts.labels:
        yield f"Labels: {label_text(counts.labels)}."
    measured = "" if sizes.measured == counts.examples else f" (the first {sizes.measured:,} examples)"
    yield f"Tokens of an input: median {sizes.median:,}, longest {sizes.longest:,}{measured}."
    verb = "split into several inputs" if properties_of(shown.task).windowed else "truncated"
    share = 100 * sizes.too_long / sizes.measured
    yield f"{verb.capitalize()}: {sizes.too_long:,} of {sizes.measured:,} examples ({share:.1f} %)."
    for split, (number, total) in shown.overlaps.items():
        yield (
            f"Overlap: {number:,} of {total:,} different items of {split} in {shown.language} "
            f"({100 * number / total:.1f} %) also occur in the training data ({', '.join(shown.trained_in)})."
        )
    if shown.overlaps:
        yield SAME_ITEM
