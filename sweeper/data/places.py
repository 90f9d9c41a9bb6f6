"""The places where a data set or a model can be: a mirror, files and folders of the user, the Hub."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain, islice
from pathlib import Path
from typing import Literal

from sweeper.data import hub
from sweeper.data.files import BUILDERS
from sweeper.errors import UserError
from sweeper.files.folder import expand_path
from sweeper.tasks.spec import LOCAL_PREFIX

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+|[\w-]+")
"""Ids that can be on the Hub; any other id is a path."""
MOST_LISTED = 10
"""Maximum number of names in a message."""
RepoType = Literal["datasets", "models"]
"""Folder of a mirror. It is also the part of a Hub URL in front of a data set's id."""


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where ids are looked up, in this order: the mirror, the folder of the space file, the working directory, the Hub.

    A repository that is in the mirror is read from the mirror alone, also if some of its files are missing there.
    """

    mirror: Path | None
    base: Path | None = None
    """Folder of the space file: relative paths start there, then from the working directory."""

    def path(self, repo_type: RepoType, id_: str) -> Path | None:
        """The existing folder or file of an id, or None."""
        return next((path for path in self._candidates(repo_type, id_) if _is_there(path, id_)), None)

    def local(self, name: str, is_there: Callable[[Path], bool] = Path.exists) -> Path:
        """The absolute path of a relative one: in the first folder that has it, or else in the first folder."""
        paths = [base / expand_path(name) for base in self._bases]
        return next(filter(is_there, paths), paths[0]).absolute()

    def is_on_hub(self, id_: str) -> bool:
        """Whether an id without a local path can be on the Hub. With a mirror, the Hub must also be reachable."""
        if is_path(id_) or id_.startswith(LOCAL_PREFIX):
            return False
        return self.mirror is None or hub.is_reachable()

    def expected(self, repo_type: RepoType, id_: str) -> Path:
        """The path at which a missing data set or model is expected."""
        return next(iter(self._candidates(repo_type, id_)))

    def tried(self, repo_type: RepoType, id_: str) -> str:
        """The places that were tried for a missing id, for messages."""
        places = [str(path) for path in self._candidates(repo_type, id_)]
        if not is_path(id_) and not id_.startswith(LOCAL_PREFIX):
            url = f"https://huggingface.co/{'datasets/' if repo_type == 'datasets' else ''}{id_}"
            places.append(url if self.is_on_hub(id_) else "not the Hub, which cannot be reached")
        return ", ".join(places)

    def rule(self, id_: str) -> str:
        """A sentence on where a relative path starts; "" for other ids."""
        if not is_path(id_) or expand_path(id_).is_absolute():
            return ""
        start = f"{self.base}, the folder of the space file, or {Path.cwd()}" if self._bases[1:] else f"{Path.cwd()}"
        return f" A relative path starts from {start}."

    def hint(self, repo_type: RepoType, id_: str) -> str:
        """The nearest name of a local data set or model, and all of them; "" if there are none."""
        # A data file is not in the mirror, so only the files near the space file are listed.
        available = (
            self._near(repo_type)
            if repo_type == "datasets" and is_path(id_)
            else chain(self._in_mirror(repo_type), self._near(repo_type))
        )
        names = list(islice(dict.fromkeys(available), 1000))
        # The folders of a path take no part in the comparison.
        ends = {Path(name).name.lower(): name for name in names}
        near = get_close_matches(id_, names, n=1, cutoff=0.5) or [
            ends[end] for end in get_close_matches(Path(id_).name.lower(), ends, n=1, cutoff=0.5)
        ]
        suggestion = f" Did you mean {near[0]!r}?" if near else ""
        if not names or (repo_type == "datasets" and not near):
            return suggestion
        more = f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
        return f"{suggestion} Available here: {', '.join(names[:MOST_LISTED])}{more}."

    def no_model(self, id_: str) -> UserError:
        """The error for a model that is in no place."""
        return UserError(
            f"There is no model {id_!r}: tried {self.tried('models', id_)}.{self.rule(id_)}{self.hint('models', id_)}"
        )

    @property
    def _bases(self) -> tuple[Path, ...]:
        """The folders from which a relative path starts."""
        return tuple(dict.fromkeys([*([self.base] if self.base else []), Path.cwd()]))

    def _candidates(self, repo_type: RepoType, id_: str) -> Iterator[Path]:
        # "./name" and "/name" are paths even if the mirror has a repository of that name.
        if self.mirror is not None and not is_path(id_):
            yield self.mirror / repo_type / id_
        yield from dict.fromkeys(base / expand_path(id_) for base in self._bases)

    def _in_mirror(self, repo_type: RepoType) -> Iterator[str]:
        """The ids of the mirror."""
        if self.mirror is not None:
            yield from _repositories(self.mirror / repo_type, "config.json" if repo_type == "models" else "*")

    def _near(self, repo_type: RepoType) -> Iterator[str]:
        """The models, or the data files, near the space file."""
        for base in self._bases:
            if repo_type == "models":
                yield from (f"./{path.parent.name}" for path in sorted(base.glob("*/config.json")))
            else:
                yield from (path.name for path in sorted(base.glob("*")) if path.suffix in BUILDERS)


def is_path(id_: str) -> bool:
    """Whether an id can only be a path: `./x`, `~/x`, `/x`, the name of a data file, or no valid Hub id.

    >>> [is_path(id_) for id_ in ("./encoder", "data/senti.csv", "FacebookAI/xlm-roberta-base", "encoder")]
    [True, True, False, False]
    """
    return id_.startswith((".", "~", "/")) or Path(id_).suffix in BUILDERS or not HUB_ID.fullmatch(id_)


def mirror_folder(name: str) -> Path:
    """The absolute path of a mirror. Raises UserError if the folder is not a mirror."""
    mirror = expand_path(name).resolve()
    if not (mirror / "datasets").is_dir():
        raise UserError(f"--mirror {name} is not a mirror: the folder {mirror}/datasets is missing.")
    return mirror


def _is_there(path: Path, id_: str) -> bool:
    # A file without a known suffix may have the name of a repository on the Hub.
    return path.is_dir() or (is_path(id_) and path.is_file())


def _repositories(root: Path, mark: str) -> Iterator[str]:
    """Ids `name` and `namespace/name` of the folders in a mirror that have a file of that name."""
    for depth in ("*", "*/*"):
        paths = sorted(path.parent for path in root.glob(f"{depth}/{mark}") if path.is_file())
        yield from dict.fromkeys(str(path.relative_to(root)) for path in paths)
