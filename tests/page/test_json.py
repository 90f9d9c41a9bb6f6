"""The data of a page as JSON, in a file and inside a script element."""

import json
from typing import Any

import pytest

from analysis.page.data import to_json
from analysis.page.page import inside_script

VALUE: dict[str, Any] = {"a": [0.1, 2.9037e-08, 1e16, -0.0, None, True, 3], "é\u2028": {"</script>": "<&>\n\"'\u2029"}}


def test_json_has_the_values_that_are_written() -> None:
    assert json.loads(to_json(VALUE)) == VALUE


def test_a_number_that_json_lacks_is_refused_and_its_name_in_a_text_is_not() -> None:
    for number in (float("nan"), float("inf"), -float("inf")):
        with pytest.raises(ValueError, match="not JSON compliant"):
            to_json({"a": number})
    value = {"NaN": "Infinity", "a": 2.9037e-08}
    assert json.loads(to_json(value)) == value


def test_json_inside_a_script_element_has_the_same_value_and_cannot_end_the_element() -> None:
    text = inside_script(to_json(VALUE).decode())
    assert json.loads(text) == VALUE
    assert not set("<>&\u2028\u2029") & set(text)
