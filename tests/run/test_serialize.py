"""Files of a run folder with any content are read, or refused with a message."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces.tiny import SPACE as TINY
from sweeper.errors import DamagedError, UserError
from sweeper.files.seal import check_seal, is_sealed, sealed
from sweeper.files.serialize import plain, read_json, write_sealed
from sweeper.records.record import TrainingRecord
from sweeper.run.site import Site
from sweeper.space import Space
from sweeper.tuning.options import KeptOptions, Options
from tests.tuning.imaginary import SMALL, agenda_of, succeed

SITE = Site(ledger="/run/ledger", store="/run", checkpoints="/run/checkpoints", cache="/cache", mirror="/mirror")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def record() -> TrainingRecord:
    spec = agenda_of(SMALL).next()
    assert spec is not None
    return succeed(spec)


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside a JSON value."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in inner:
        yield from paths(child, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """The JSON value with another one at a path."""
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


FILES = {"space": TINY, "site": SITE, "options": Options(run="/run").kept(), "record": record()}


@pytest.mark.seconds
@pytest.mark.parametrize("name", FILES)
def test_a_file_with_any_value_in_any_place_is_read_or_refused_with_a_message(name: str) -> None:
    value = FILES[name]
    written = plain(value)
    data_type = {"space": Space, "site": Site, "options": KeptOptions, "record": TrainingRecord}[name]

    @settings(max_examples=1000, deadline=None)
    @given(st.sampled_from(list(paths(written))), VALUES)
    def check(path: tuple[Any, ...], new: Any) -> None:
        text = json.dumps(replaced(written, path, new)).encode()
        try:
            read_json(data_type, text, name)
        except (DamagedError, UserError) as error:
            assert str(error)

    check()


@pytest.mark.parametrize("text", [b"", b"{", b"null", b"[]", b'"text"', b"\xff\xfe", b"NaN", b"[" * 100_000])
def test_a_file_that_is_no_object_is_damaged(text: bytes) -> None:
    with pytest.raises(DamagedError, match="site"):
        read_json(Site, text, "site")


def test_a_sealed_file_is_json_with_its_digest_and_is_read_back() -> None:
    text = write_sealed(SITE)
    assert is_sealed(text)
    assert len(json.loads(text)["sha256"]) == 64
    assert read_json(Site, text, "site") == SITE
    check_seal(sealed(b'{"a": 1}'), "file")
    with pytest.raises(DamagedError, match="its content differs from its digest"):
        check_seal(sealed(b'{"a": 1}').replace(b"1}", b"2}"), "file")
