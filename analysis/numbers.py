"""Gains, intervals and p as text, in reports and figures."""

import math

MINUS = "\N{MINUS SIGN}"


def signed_text(value: float, num_decimals: int = 1) -> str:
    """A number with its sign, and without one if it rounds to 0; "–" for nan. The minus is as wide as the plus."""
    if math.isnan(value):
        return "–"
    text = f"{value:+.{num_decimals}f}"
    return text.replace("-", MINUS) if float(text) else text[1:]


def points_text(value: float) -> str:
    """A difference, a fraction of 1, in points with its sign; "–" for nan."""
    return signed_text(100 * value)


def interval_text(low: float, high: float) -> str:
    """` (95 % interval -1.0 to +2.0)` in points; "" without an interval."""
    return "" if math.isnan(low) else f" (95 % interval {points_text(low)} to {points_text(high)})"


def p_text(value: float, name: str = "p") -> str:
    """`p = 0.012`, or `p < 0.001`, because no p is 0; "" for nan."""
    if math.isnan(value):
        return ""
    return f"{name} < 0.001" if value < 0.001 else f"{name} = {value:.3f}"


def num_decimals_of(gain: float, half: float) -> int:
    """Decimals of a gain and its half width, in points: 2 if they are equal with 1, which hides the larger."""
    return 2 if f"{abs(gain):.1f}" == f"{half:.1f}" else 1


def gain_text(gain: float, low: float, high: float, note: str = "") -> str:
    """A gain in points with the half width of its 95 % interval: `+1.2 ± 0.8`.

    A bimodal cell has the word instead of an interval; "–" for a missing gain.
    """
    if math.isnan(gain):
        return "–"
    if note == "bimodal":
        return f"{points_text(gain)} bimodal"
    if math.isnan(low):
        return points_text(gain)
    half = 50 * (high - low)
    num_decimals = num_decimals_of(100 * gain, half)
    return f"{signed_text(100 * gain, num_decimals)} ± {half:.{num_decimals}f}"


def p_alone(p: float) -> str:
    """A p or q value of a table, without its name: `0.012`, or `< 0.001`; "–" for nan."""
    return p_text(p).removeprefix("p = ").removeprefix("p ") or "–"
