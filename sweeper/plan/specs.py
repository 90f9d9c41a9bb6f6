"""Specs of a plan's trials (TrialSpec), and the keys of the studies that choose their dials."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sweeper.files.digests import digest
from sweeper.files.serialize import key_values
from sweeper.plan.data_specs import is_refitted
from sweeper.plan.resolve import Resolver, scored_tasks
from sweeper.plan.score_specs import ScoreSpecs
from sweeper.plan.units import Unit, make_plan
from sweeper.records.ended import EndedSpec
from sweeper.records.spec import SEMANTICS, Role, StageSpec, TrialSpec, deciding
from sweeper.space import SEARCH_SEED, ResourceOverrides, Space, Value, tasks_of
from sweeper.space.stage import has_one_label
from sweeper.space.twins import is_twin
from sweeper.world.settings import check_space

Chain = tuple[StageSpec, ...]
DATA_OPTIONS = frozenset(("epochs", "max_length", "stride", "cap_examples", "cap_tokens"))
"""The dials that change the data of a training (`Specs._train_data`)."""


@dataclass(frozen=True, kw_only=True)
class Specs(ScoreSpecs):
    """Makes the specs of a plan's trials."""

    resources: ResourceOverrides = field(default_factory=ResourceOverrides)
    definitions: dict[str, str] = field(default_factory=dict)
    """Unit -> digest of everything that its study depends on, except the encoder at the start."""
    studies: dict[str, tuple[Chain, Sequence[str], str]] = field(default_factory=dict)
    """Unit -> the chain and the prior of the last study key that was asked for, and the key."""
    searches: dict[str, TrialSpec] = field(default_factory=dict)
    """Unit -> one of its search trials. The others differ in their dials, names and numbers only."""

    def study_key(self, unit: Unit, parent: Chain, prior: Sequence[str] = ()) -> str:
        """Key of the study that searches a unit's dials after the chain `parent`; "" if nothing is searched.

        The key covers everything that a suggestion or its value depends on: model, stages, dials, data, encoder,
        sampler, batch size, and `prior`, the keys of the studies from whose results it starts.
        """
        if not unit.study:
            return ""
        # Every trial of the unit needs the key, nearly always after the same chain.
        last_parent, last_prior, key = self.studies.get(unit.name, (None, (), ""))
        if last_parent is not parent or last_prior != prior:
            key = self._study_key(unit, parent, prior)
            self.studies[unit.name] = parent, prior, key
        return key

    def _study_key(self, unit: Unit, parent: Chain, prior: Sequence[str]) -> str:
        # Resolving the data of a unit is slow.
        if unit.name not in self.definitions:
            self.definitions[unit.name] = self._definition(unit)
        # A study without a prior keeps the key of versions that had none.
        started = [list(prior)] if prior else []
        return digest([self.definitions[unit.name], [deciding(stage) for stage in parent], *started])

    def _definition(self, unit: Unit) -> str:
        search = self.space.search
        stage = self.stage(unit, unit.stage, unit.stage.training, SEARCH_SEED)
        return digest(
            {
                "semantics": SEMANTICS,
                "kind": unit.kind,
                "model": self.resolver.model(unit.model).identity,
                "stage": deciding(stage),
                "dials": {name: key_values(dial) for name, dial in unit.stage.dials.items()},
                "select": [key_values(data) for data in self.selection(unit, SEARCH_SEED)],
                # Not the number of trials: a study may grow.
                "search": [search.sampler_of(unit.stage.dials), search.batch, *search.rungs],
            }
        )

    def search(
        self, unit: Unit, number: int, dials: Mapping[str, Value], parent: Chain, prior: Sequence[str] = ()
    ) -> TrialSpec:
        """Search trial `number` of a unit. It starts from the encoder of `parent` and scores selection data only."""
        other = self.searches.get(unit.name)
        if other is None or other.chain[:-1] != parent or not DATA_OPTIONS.isdisjoint(dials):
            spec = self._spec(unit, "search", dials, parent, SEARCH_SEED)
            spec = self.searches[unit.name] = replace(spec, keep=unit.keep_search)
        else:
            training = replace(unit.stage.training, **dials)  # type: ignore[arg-type]
            spec = replace(other, dials=dict(dials), chain=(*parent, replace(other.chain[-1], training=training)))
        study = self.study_key(unit, parent, prior)
        spec = replace(spec, name=unit.search_name(number), number=number, study=study)
        return self.rung(unit, 0, number, spec) if self.space.search.rungs and unit.searches else spec

    def rung(self, unit: Unit, level: int, number: int, contender: TrialSpec) -> TrialSpec:
        """Search trial `contender` as the trial of a rung. Level 0 has the search trials themselves."""
        *earlier, last = contender.chain
        role: Role = "rung" if level else "search"
        return replace(
            contender,
            name=unit.trial_name(role, number),
            role=role,
            phase="rung" if level else contender.phase,
            number=number,
            chain=(*earlier, replace(last, stop=self.space.search.rung_share(level))),
            keep=unit.keep_search and level == len(self.space.search.rungs),
        )

    def race(self, unit: Unit, number: int, contender: TrialSpec) -> TrialSpec:
        """Trial `number` of a unit's race: search trial `contender` on the same data, with one of the race's seeds."""
        seeds = self.space.search.race_seeds
        seed, (*earlier, last) = seeds[number % len(seeds)], contender.chain
        return replace(
            contender,
            name=unit.trial_name("race", number),
            role="race",
            phase="race",
            number=number,
            seed=seed,
            chain=(*earlier, replace(last, seed=seed, stop=1.0)),
            keep=False,
        )

    def replicate(self, unit: Unit, seed: int, choice: TrialSpec | EndedSpec | None, parent: Chain) -> TrialSpec:
        """The replicate of a unit with a seed and the dials of `choice`, the best search trial."""
        spec = self._spec(unit, "replicate", choice.dials if choice else {}, parent, seed)
        study = choice.study if choice else ""
        name, scores, predictors = unit.replicate_name(seed), self.scores(unit, seed), self.predictors(unit, seed)
        spec = replace(spec, name=name, phase="replicate", study=study, keep=unit.keep)
        return replace(spec, scores=scores, predictors=predictors, cartography=self._has_cartography(unit))

    def _has_cartography(self, unit: Unit) -> bool:
        """Whether the training dynamics of a unit are recorded: if it is that of a recipe, and has input and labels."""
        if not self.space.cartography or unit.kind != "prepare" or is_twin(unit.stage):
            return False
        return any(has_one_label(self.space.task(task)) for task in unit.stage.tasks)

    def reads_draws(self, unit: Unit) -> bool:
        """Whether any data of the unit are drawn for each seed."""
        return any(self.space.task(name).is_drawn for name in self._task_names(unit))

    def _spec(self, unit: Unit, role: Role, dials: Mapping[str, Value], parent: Chain, seed: int) -> TrialSpec:
        # A unit that trains nothing has the chain of the encoder.
        chain = parent
        if unit.trains:
            training = replace(unit.stage.training, **dials)  # type: ignore[arg-type]
            chain = (*parent, self.stage(unit, unit.stage, training, seed))
        return TrialSpec(
            name=unit.name,
            kind=unit.kind,
            model=self.resolver.model(unit.model),
            recipe=unit.recipe,
            task=unit.task or (unit.recipe if unit.kind == "prepare" else ""),
            chain=chain,
            role=role,
            seed=seed,
            refitted=is_refitted(self.space, unit, role),
            dials=dict(dials),
            select=self.selection(unit, seed),
            # With the entries, workers need neither the catalog nor the module of the space.
            tasks=tuple(self.resolver.entry(name, seed) for name in self._task_names(unit)),
            log_probabilities=self.space.log_probabilities,
            resources=self.resources.for_model(unit.model),
        )

    def _task_names(self, unit: Unit) -> list[str]:
        targets = [self.space.task(target.task) for target in unit.targets]
        read = (
            [task.training_task for task in targets]
            if unit.kind == "predict"
            else scored_tasks(unit.targets, self.space)
        )
        return list(dict.fromkeys([*tasks_of(unit.stages), *read]))


def check_world(space: Space) -> None:
    """Raise UserError if the synthetic world does not have every encoder and every draw that the space uses."""
    specs = Specs(plan=make_plan(space), resolver=Resolver(space=space, sources=None))
    drawn = {seed for unit in specs.plan.units if specs.reads_draws(unit) for seed in specs.plan.seeds(unit)}
    check_space(space.world, [model.id for model in space.models], drawn)
