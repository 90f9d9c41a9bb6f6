"""Finds the installed `analysis` and `search_spaces` packages, even if the user has folders with these names.

A folder `analysis/` in the user's project hides the installed package from `import analysis`. The sweeper therefore
imports both packages as `sweeper.analysis` and `sweeper.search_spaces`. If nothing hides them, these are second names
of the same module objects. Otherwise the packages are loaded, under these names only, from the folder that contains
`sweeper`. This works because imports inside the two packages are relative.
"""

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

SIBLINGS = ("analysis", "search_spaces")
ROOT = Path(__file__).resolve().parent.parent
"""The folder that contains `sweeper` and both packages: the repository, or `site-packages`."""


class SiblingFinder(MetaPathFinder):
    """Resolves `sweeper.analysis...` and `sweeper.search_spaces...`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of such a module; None for all others, which Python's own finders resolve."""
        package, _, name = fullname.partition(".")
        sibling = name.split(".")[0]
        if package != __package__ or sibling not in SIBLINGS:
            return None
        if is_hidden(sibling):
            # A submodule is found in the folder of its parent, by Python's own finder.
            return PathFinder.find_spec(fullname, [str(ROOT)]) if name == sibling else None
        return ModuleSpec(fullname, AliasLoader(name), is_package=find_spec(name) is not None)


class AliasLoader(Loader):
    """Loads a module under a second name: both names refer to one module object."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module under its first name."""
        module = importlib.import_module(self._name)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Restore the module's own spec: the import system has replaced it by the spec of the second name."""
        module.__spec__ = self._spec


def is_hidden(sibling: str) -> bool:
    """Whether `import NAME` gives something else than the installed package, or nothing."""
    module = sys.modules.get(sibling)
    spec = module.__spec__ if module else find_spec(sibling)
    return spec is None or spec.origin is None or Path(spec.origin).resolve() != ROOT / sibling / "__init__.py"


def install() -> None:
    """Make the names importable. A second call has no effect."""
    if not any(isinstance(finder, SiblingFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, SiblingFinder())
