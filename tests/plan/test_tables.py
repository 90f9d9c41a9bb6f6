"""The tables of a plan and of a status: they fit 80 columns and show every unit by its whole name."""

import io
from dataclasses import replace

import pytest
from rich.console import Console, RenderableType
from rich.table import Table

from search_spaces.demo_full import SPACE as DEMO_FULL
from search_spaces.text_small import SPACE as TEXT_SMALL
from search_spaces.tiny import SPACE as TINY
from search_spaces.xtreme import SPACE as XTREME
from search_spaces.xtreme_r import SPACE as XTREME_R
from sweeper.plan.forecast import Forecast, forecast
from sweeper.plan.matrix import Cells
from sweeper.plan.numbers import compact
from sweeper.plan.pace import Pace
from sweeper.plan.status import Status
from sweeper.plan.tables import forecast_tables, status_tables
from sweeper.space import Space

SPACES = (TINY, TEXT_SMALL, XTREME, XTREME_R, DEMO_FULL)


def plan_of(space: Space) -> Forecast:
    return forecast(space, mirror=None, run="nowhere", pace=Pace())


def lines(renderable: RenderableType, width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_the_table_of_a_plan_fits_80_columns_and_abbreviates_no_name(space: Space) -> None:
    plan = plan_of(space)
    [table] = [item for item in forecast_tables(plan) if isinstance(item, Table)]
    text = lines(table)
    assert max(len(line) for line in text) <= 80
    assert "…" not in "".join(text)
    # A folded name continues in the first column of the next line.
    width = max(len(row.label) for row in plan.rows)
    words = " ".join(line[:width].strip() for line in text)
    assert all(word in words for row in plan.rows for word in row.label.split())
    assert len({row.label for row in plan.rows}) == len(plan.rows)


def test_each_model_has_a_table_of_its_own() -> None:
    models = (TINY.models[0], replace(TINY.models[0], name="other"))
    tables = [item for item in forecast_tables(plan_of(replace(TINY, models=models))) if isinstance(item, Table)]
    assert [str(table.title) for table in tables] == ["Model tiny", "Model other"]
    assert [table.row_count for table in tables] == [5, 5]


def test_the_column_of_dials_is_absent_if_every_cell_is_searched() -> None:
    tables = {scope: plan_of(replace(TINY, search=replace(TINY.search, scope=scope))) for scope in ("cell", "target")}
    headers = {scope: lines(next(iter(forecast_tables(plan))), 200)[2] for scope, plan in tables.items()}
    assert "dials" not in headers["cell"]
    assert "dials" in headers["target"]


def test_a_number_of_tokens_has_four_digits_at_most() -> None:
    assert [compact(number) for number in (999, 40_960, 282_863_104, 5 * 10**9)] == ["999", "41.0k", "282.9M", "5.0G"]


def test_a_status_shows_the_whole_reason_of_a_failed_trial() -> None:
    name, reason = "tiny/parts -> names/seed 2", f"The loss became NaN [at step 3]. {'Lower the learning rate. ' * 9}"
    status = Status(run="runs/tiny", now=0.0, cells=Cells(TINY), counts={"target": (7, 8)}, failed={name: reason})
    text = [line for item in status_tables(status) for line in lines(item)]
    assert max(len(line) for line in text) <= 80
    assert (
        f"Failed: {name}: {reason}".split()
        == " ".join(text[text.index(next(x for x in text if "Failed" in x)) :]).split()
    )
