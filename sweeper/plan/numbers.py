"""Numbers, durations and sizes of memory as short text."""

from collections.abc import Mapping


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


def gib(size: int) -> str:
    """Bytes in GiB.

    >>> gib(1_300_000_000)
    '1.21 GiB'
    """
    return f"{size / 2**30:.{1 if size >= 10 * 2**30 else 2}f} GiB"


def memory_text(memory: Mapping[str, int]) -> str:
    """The peaks of a trial (`TrainingRecord.memory`).

    >>> memory_text({"process": 2**30, "allocated": 2**30, "reserved": 2**31, "device": 80 * 2**30})
    'GPU 2.00 GiB of 80.0 GiB, process 1.00 GiB'
    """
    gpu = f"GPU {gib(memory['reserved'])} of {gib(memory['device'])}, " if "reserved" in memory else ""
    return f"{gpu}process {gib(memory['process'])}" if memory else ""


def data_size(num: float) -> str:
    """A number of bytes with a unit.

    >>> data_size(12_345_678)
    '12.3 MB'
    """
    for size, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB")):
        if num >= size:
            return f"{num / size:,.1f} {unit}"
    return f"{num / 1e3:,.1f} kB"
