"""A part of a space that runs first: `--only recipes=mnli --only targets=xnli`, with everything that it needs."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from sweeper.errors import UserError, unknown
from sweeper.plan.units import Plan, PlannedTrial, Unit
from sweeper.space import Space

NAMES: Mapping[str, Callable[[Space], list[str]]] = {
    "models": lambda space: [model.name for model in space.models],
    "recipes": lambda space: [recipe.name for recipe in space.recipes],
    "targets": lambda space: [target.task for target in space.targets],
    "seeds": lambda space: [str(seed) for seed in space.seeds],
}
"""Key of `--only` -> the names that a space has for it."""


@dataclass(frozen=True)
class Only:
    """The names to which each key of `--only` is restricted. A key without names is not restricted."""

    names: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def has(self, key: str, name: str) -> bool:
        """Whether the part has that model, recipe, target or seed."""
        return key not in self.names or name in self.names[key]

    def __str__(self) -> str:
        """The options, as they can be typed."""
        return " ".join(f"--only {key}={','.join(sorted(names))}" for key, names in self.names.items())


ALL = Only()
"""The whole space."""


def parse_only(texts: Iterable[str], space: Space) -> Only:
    """The part of a space that `KEY=NAME,NAME` select; several texts with one key are united.

    Raises UserError for an unknown key or name.
    """
    chosen: dict[str, frozenset[str]] = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not value:
            raise UserError(f"--only needs KEY=NAME,NAME with a key of {', '.join(NAMES)}, got {text!r}.")
        if key not in NAMES:
            raise unknown("--only key", key, NAMES)
        names, known = value.split(","), NAMES[key](space)
        for name in names:
            if name not in known:
                raise unknown(key.removesuffix("s"), name, known)
        chosen[key] = chosen.get(key, frozenset()) | frozenset(names)
    return Only(chosen)


def narrowed(plan: Plan, only: Only) -> Plan:
    """The plan with the trials of a part and those that they need: preparations, and searches of dials.

    A twin without input has no target: it is in a part if its recipe is and if no targets are named. The units, and so
    the names and keys of the trials, are those of the whole space.
    """
    if not only.names:
        return plan
    part: set[PlannedTrial] = set()
    recipe_of = {twin.name: name for name, twin in plan.space.twins.items()}
    for unit in plan.units:
        if _is_chosen(unit, only, recipe_of):
            for seed in plan.seeds(unit):
                # The scores of the pretrained encoder have one trial for all seeds.
                if not unit.stages or only.has("seeds", str(seed)):
                    part |= replicate_needs(plan, unit, seed)
    return replace(plan, part=frozenset(part))


def _is_chosen(unit: Unit, only: Only, recipe_of: Mapping[str, str]) -> bool:
    """Whether a part has a unit because of its names. `recipe_of`: twin without input -> its recipe."""
    has_target = any(only.has("targets", target.task) for target in unit.targets)
    is_twin = unit.recipe in recipe_of and "targets" not in only.names
    recipe = recipe_of.get(unit.recipe, unit.recipe)
    return only.has("models", unit.model.name) and only.has("recipes", recipe) and (has_target or is_twin)


def replicate_needs(plan: Plan, unit: Unit, seed: int) -> set[PlannedTrial]:
    """A replicate, and all trials that it needs."""
    needs: set[PlannedTrial] = {(unit.name, "replicate", seed)}
    if unit.study:
        _add_search(plan, plan.unit(unit.study), needs)
    return needs | replicate_needs(plan, plan.unit(unit.parent), seed) if unit.parent else needs


def _add_search(plan: Plan, owner: Unit, part: set[PlannedTrial]) -> None:
    """Add all trials that choose the dials of a unit, and those that decide where they start.

    They start from an encoder, whose dials may be searched too, and from the results of other studies.

    Their number is never reduced: the choice of dials would depend on the part.
    """
    part.update((owner.name, *trial) for trial in plan.studied(owner))
    if owner.parent:
        parent = plan.unit(owner.parent)
        _add_search(plan, plan.unit(parent.study) if parent.study else parent, part)
    for name in owner.prior:
        _add_search(plan, plan.unit(name), part)
