"""Numbers and durations as short text."""


def compact(number: int) -> str:
    """A number with at most four digits and a unit: 999, 41.0k, 282.9M.

    >>> compact(40_960)
    '41.0k'
    """
    for size, suffix in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            return f"{number / size:.1f}{suffix}"
    return str(number)


def clock(seconds: float) -> str:
    """Seconds as H:MM:SS, or M:SS below one hour.

    >>> clock(3725)
    '1:02:05'
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
