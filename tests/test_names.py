"""`benchmarks/names.py`: which names it counts, and which of them are filler names."""

import ast

import pytest

from benchmarks.names import FILLER, ROOT, assigned, is_filler, share

CODE = """
import numpy as found
from os import path as told

class Spec(Base):
    kind: str = ""
    other = 1

    def part(self, place, *some, key=None, **every):
        self.own = [one for one in place if (made := one)]
        with open(place) as said:
            self.own += 1

for several, rest in pairs:
    wanted[0] = lambda known: known
try:
    pass
except ValueError as asked:
    match asked:
        case [way, *others]:
            call(found=1)
"""


def test_targets_of_assignments_loops_arguments_and_fields_are_counted_and_uses_are_not() -> None:
    names = [name for _, name in assigned(ast.parse(CODE))]
    fields = ["kind", "other", "own", "own"]
    arguments = ["place", "some", "key", "every", "known"]
    variables = ["one", "made", "said", "several", "rest", "asked", "way", "others"]
    assert sorted(names) == sorted([*fields, *arguments, *variables])


def test_a_field_is_counted_with_its_class_and_a_variable_without() -> None:
    owners = {name: owner for owner, name in assigned(ast.parse(CODE))}
    assert (owners["kind"], owners["place"], owners["several"]) == ("Spec", "", "")


def test_a_filler_name_is_the_whole_name_without_regard_to_case_and_underscores() -> None:
    assert all(is_filler("", name) for name in FILLER)
    assert is_filler("", "_told")
    assert is_filler("", "One")
    assert not is_filler("", "found_rows")


def test_a_field_of_saved_files_is_exempt_in_its_class_alone() -> None:
    assert not is_filler("DataSpec", "part")
    assert is_filler("Skill", "part")
    assert is_filler("", "part")


@pytest.mark.parametrize("folders", [("sweeper", "analysis", "search_spaces"), ("tests", "benchmarks")], ids=" ".join)
def test_fewer_than_one_name_in_a_hundred_is_a_filler_name(folders: tuple[str, ...]) -> None:
    assert share(*(ROOT / folder for folder in folders)) < 0.01, "List the names with `python -m benchmarks.names`."
