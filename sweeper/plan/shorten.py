"""Names that fit a given width and stay distinct."""

from collections.abc import Sequence


def shorten(names: Sequence[str], width: int) -> list[str]:
    """Distinct names, each with at most `width` characters (3 or more), in their order.

    A longer name loses its middle. It keeps an ending of a third of the width, or of the nearest length with which it
    differs from all other names. If there is none, it ends in its number.

    >>> shorten(["xnli", "paraphrases_2015", "paraphrases_2017"], 8)
    ['xnli', 'parap…15', 'parap…17']
    >>> shorten(["paraphrases_2015_clean", "paraphrases_2017_clean"], 8)
    ['paraph…1', 'paraph…2']
    """
    short = [_shortened(number, names, width) for number in range(len(names))]
    if len(set(short)) < len(names):
        # A number or an ellipsis in the names themselves. Numbers alone are distinct.
        return [_numbered(number, name, width) for number, name in enumerate(names, 1)]
    return short


def _shortened(number: int, names: Sequence[str], width: int) -> str:
    name = names[number]
    if len(name) <= width:
        return name
    for ending in sorted(range(width - 1), key=lambda length: abs(length - width // 3)):
        if sum(_cut(other, width, ending) == _cut(name, width, ending) for other in names) == 1:
            return _cut(name, width, ending)
    return _numbered(number + 1, name, width)


def _cut(name: str, width: int, ending: int) -> str:
    return name if len(name) <= width else f"{name[: width - 1 - ending]}…{name[len(name) - ending :]}"


def _numbered(number: int, name: str, width: int) -> str:
    end = f"…{number}"
    return f"{name[: max(0, width - len(end))]}{end}"
