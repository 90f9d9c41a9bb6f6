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
from sweeper.records.ended import EndedTrial
from sweeper.records.record import FileFacts, ScoreRecord, TrainingRecord
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


def score() -> ScoreRecord:
    return ScoreRecord(
        key="0123456789abcdef0123",
        training="abc",
        model="tiny",
        recipe="baseline",
        target="names",
        seed=1,
        split="test",
        metrics={"en": {"accuracy": 0.3}, "xa": {"accuracy": 1.0}},
        trivial={"en": {"accuracy": 0.5}, "xa": {"accuracy": 0.5}},
        counts={"en": 2, "xa": 1},
        main="accuracy",
        outcomes="outcomes/0123456789abcdef0123.parquet",
        outcome_facts=FileFacts(sha256="0" * 64, bytes=9, rows=3),
        timing={"total": 1.5},
    )


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


FILES: dict[str, tuple[type[Any], Any]] = {
    "space": (Space, TINY),
    "site": (Site, SITE),
    "options": (KeptOptions, Options(run="/run").kept()),
    "training record": (TrainingRecord, record()),
    "ended trial": (EndedTrial, record()),
    "score record": (ScoreRecord, score()),
}
"""File -> the type as which it is read, and its content."""


@st.composite
def damaged(draw: st.DrawFn, text: bytes) -> bytes:
    """A text in which a range of bytes is replaced by others, by zeros, by another range, or by nothing."""
    places = st.integers(0, len(text) - 1)
    start = draw(places)
    # Short ranges and ranges at the begin, where the seal is, are as frequent as all others.
    start = draw(st.sampled_from([start, start % 90]))
    length = draw(st.sampled_from([0, 1, 8, 512, len(text)]))
    other = draw(places)
    new = draw(
        st.binary(max_size=4)
        | st.just(bytes(min(length, len(text) - start)))
        | st.just(text[other : other + length])
        | st.sampled_from(b'"{}[],:0 19-etn').map(lambda number: bytes([number]))
    )
    return text[:start] + new + text[start + length :]


@pytest.mark.seconds
@pytest.mark.parametrize("name", FILES)
def test_a_file_with_any_value_in_any_place_is_read_or_refused_with_a_message(name: str) -> None:
    data_type, value = FILES[name]
    written = plain(value)

    @settings(max_examples=1000, deadline=None)
    @given(st.sampled_from(list(paths(written))), VALUES)
    def check(path: tuple[Any, ...], new: Any) -> None:
        text = json.dumps(replaced(written, path, new)).encode()
        try:
            read_json(data_type, text, name)
        except (DamagedError, UserError) as error:
            assert str(error)

    check()


@pytest.mark.seconds
@pytest.mark.parametrize("name", FILES)
def test_a_sealed_file_with_any_damage_is_refused_or_has_the_content_that_was_written(name: str) -> None:
    data_type, value = FILES[name]
    text = write_sealed(value)
    written = read_json(data_type, text, name)

    @settings(max_examples=1000, deadline=None)
    @given(damaged(text))
    def check(changed: bytes) -> None:
        try:
            assert read_json(data_type, changed, name) == written
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
