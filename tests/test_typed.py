"""The check of fields against their declared types."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from sweeper.errors import UserError
from sweeper.typed import check_fields, rule


@dataclass(frozen=True, kw_only=True)
class Part:
    size: float = 1.0

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, kw_only=True)
class Whole:
    number: int = 1
    mode: Literal["a", "b"] = "a"
    limit: int | None = None
    parts: tuple[Part, ...] = ()
    names: tuple[str, ...] | None = None
    shares: Mapping[str, float] = field(default_factory=dict)
    column: str | tuple[str, ...] = ""
    flag: bool = False

    def __post_init__(self) -> None:
        check_fields(self)


VALID: list[dict[str, Any]] = [
    {},
    {"number": -3, "mode": "b", "limit": 2, "flag": True},
    {"parts": (Part(size=2), Part(size=0.5)), "names": (), "shares": {"a": 1, "b": 0.5}},
    {"names": ("x", "y"), "column": ("x", "y")},
]


@pytest.mark.parametrize("values", VALID)
def test_values_of_the_declared_types_are_unchanged(values: dict[str, Any]) -> None:
    whole = Whole(**values)
    assert all(getattr(whole, name) == value for name, value in values.items())


def test_a_list_becomes_a_tuple() -> None:
    assert Whole(names=["x"], parts=[Part()]) == Whole(names=("x",), parts=(Part(),))  # type: ignore[arg-type]


INVALID: list[tuple[dict[str, Any], str]] = [
    ({"number": 1.5}, "Whole.number needs a whole number, got the float 1.5."),
    ({"number": True}, "Whole.number needs a whole number, got the bool True."),
    ({"number": "7"}, "Whole.number needs a whole number, got the string '7'. Remove the quotes."),
    ({"number": None}, "Whole.number needs a whole number, got None."),
    ({"mode": "c"}, "No value of Whole.mode is called 'c'. Known: a, b."),
    ({"limit": "none"}, "Whole.limit needs a whole number or None, got the string 'none'."),
    (
        {"parts": Part()},
        "Whole.parts needs a tuple of Part objects, got a Part. Write (Part(...),): the comma makes a tup",
    ),
    ({"parts": (Part(), 2)}, "Whole.parts[1] needs a Part, got the int 2."),
    ({"parts": (Part,)}, "Whole.parts[0] needs a Part, got the class"),
    (
        {"names": "x"},
        "Whole.names needs a tuple of strings or None, got the string 'x'. Write ('x',): the comma makes a",
    ),
    ({"names": {"x"}}, "Whole.names needs a tuple of strings or None, got the set {'x'}."),
    ({"shares": {"a": "1"}}, "Whole.shares['a'] needs a number, got the string '1'. Remove the quotes."),
    ({"shares": {1: 1}}, "A key of Whole.shares needs a string, got the int 1."),
    ({"shares": (("a", 1),)}, "Whole.shares needs a dictionary of numbers, got the tuple (('a', 1),)."),
    ({"column": 3}, "Whole.column needs a string or a tuple of strings, got the int 3."),
    ({"flag": "yes"}, "Whole.flag needs True or False, got the string 'yes'."),
]


@pytest.mark.parametrize(("values", "message"), INVALID)
def test_a_value_of_another_type_is_refused_with_the_rule_and_the_remedy(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as refused:
        Whole(**values)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize("size", [float("nan"), float("inf"), -float("inf")])
def test_a_number_must_be_finite(size: float) -> None:
    with pytest.raises(UserError, match=r"Part\.size needs a finite number, got (nan|inf|-inf)\."):
        Part(size=size)


def test_a_union_of_numbers_is_described_in_one_word() -> None:
    assert rule(int | float | str) == "a number or a string"
