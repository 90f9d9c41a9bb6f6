"""Encoders are removed when the last trial of the whole space that needs them has ended, and not earlier."""

import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from search_spaces.tiny import SPACE as TINY
from sweeper.errors import DataError, UserError
from sweeper.files.manifest import MANIFEST
from sweeper.plan.budget import parse_budget
from sweeper.plan.only import ALL, Only, narrowed, parse_only
from sweeper.plan.resolve import DataRequest, Resolver
from sweeper.records.record import OUT_OF_MEMORY, TrainingRecord, TrialResult
from sweeper.records.spec import DataSpec, TrialSpec, score_key, training_key
from sweeper.run.encoders import EncoderStore
from sweeper.run.run import Run
from sweeper.run.site import Site
from sweeper.space import Space
from sweeper.tuning.agenda import Agenda
from sweeper.tuning.release import Remover, check_store, remover
from sweeper.tuning.watch import Watches
from tests.tuning.imaginary import SEARCHED, SMALL, FakeLedger, Fate, fail, specs_of, succeed, unless, with_chain


def needed(space: Space) -> Space:
    return replace(space, keep_encoders="needed")


RACED = replace(SMALL, search=replace(SMALL.search, race=2, race_seeds=(11, 12)))
RUNGS = replace(SMALL, search=replace(SMALL.search, rungs=(0.5,)))
OBSERVED = replace(TINY, predictors=True, null_twins=True)
SPACES = {
    "no search of recipes": with_chain(TINY),
    "a search a cell": with_chain(SMALL),
    "one search a target": with_chain(SEARCHED),
    "race": with_chain(RACED),
    "rungs": with_chain(RUNGS),
    "predictors and twins": with_chain(OBSERVED),
}


@dataclass
class Sweeps:
    """Simulated sweeps of a space in one run folder, whose trials store encoders and look for those that they need."""

    folder: Path
    url: str
    ledger: FakeLedger = field(default_factory=FakeLedger)
    retrained: list[str] = field(default_factory=list)
    """Trials whose encoder was not in the store."""
    most: int = 0
    """Largest number of encoders in the store."""
    messages: list[str] = field(default_factory=list)

    @property
    def store(self) -> EncoderStore:
        return self.site.open_store()

    @property
    def site(self) -> Site:
        return Run.at(self.url).make_site(cache=str(self.folder / "cache"))

    @property
    def num_stored(self) -> int:
        return len(self.store.folder.names())

    def run(
        self, space: Space, fate: Fate = succeed, *, only: str = "", budget: str = "", retry: bool = False
    ) -> Agenda:
        """One sweep. Returns its agenda when it has ended."""
        agenda = self._agenda(space, parse_only([only], space) if only else ALL, budget, retry=retry)
        release = self.remover(agenda)
        if release:
            release.remove_all()
        for spec in self._ended(agenda, fate):
            if release:
                release.finished(spec, TrialResult(training=self.ledger.trainings[spec.key]))
            self.most = max(self.most, self.num_stored)
        return agenda

    def remover(self, agenda: Agenda) -> Remover | None:
        return remover(agenda, self.site, self.messages.append)

    def _agenda(self, space: Space, only: Only, budget: str, *, retry: bool) -> Agenda:
        specs = specs_of(space)
        specs = replace(specs, plan=narrowed(specs.plan, only))
        ended = self.ledger.ended()
        if retry:
            ended = {key: record for key, record in ended.items() if not record.can_be_retried}
            self.ledger.trainings = {key: self.ledger.trainings[key] for key in ended}
        limit = parse_budget(budget) if budget else None
        return Agenda(specs=specs, trainings=ended, scores=set(self.ledger.scores), budget=limit)

    def _ended(self, agenda: Agenda, fate: Fate) -> Iterator[TrialSpec]:
        generator, running = random.Random(0), list[TrialSpec]()
        while not agenda.finished:
            while len(running) < 3 and (spec := agenda.next()) is not None:
                running.append(spec)
            spec = running.pop(generator.randrange(len(running)))
            result = fate(spec)
            if isinstance(result, str):
                agenda.mark_lost(spec.name, result)
                continue
            self._work(spec, is_trained=result.state == "done")
            self.ledger.keep(spec, result)
            agenda.complete(spec.name, TrialResult(training=self.ledger.trainings[spec.key]))
            yield spec

    def _work(self, spec: TrialSpec, *, is_trained: bool) -> None:
        start = spec.chain[:-1] if spec.trains else spec.chain
        if start and not self.store.has(training_key(spec.model, start)):
            self.retrained.append(spec.name)
            self._store(training_key(spec.model, start))
        if spec.keep and is_trained:
            self._store(spec.encoder)

    def _store(self, key: str) -> None:
        source = self.folder / "draft"
        source.mkdir(parents=True, exist_ok=True)
        (source / "weights").write_text(key)
        self.store.keep(key, source)


@pytest.fixture
def sweeps(tmp_path: Path) -> Sweeps:
    return sweeps_in(tmp_path)


def sweeps_in(folder: Path) -> Sweeps:
    # In memory, because a disk waits for each of hundreds of files.
    return Sweeps(folder, f"memory://{uuid.uuid4().hex}")


@pytest.mark.parametrize("name", SPACES)
def test_a_finished_space_has_no_encoder_left_and_none_was_removed_too_early(name: str, sweeps: Sweeps) -> None:
    sweeps.run(needed(SPACES[name]))
    assert not sweeps.retrained
    assert sweeps.num_stored == 0
    assert sweeps.most > 0


def test_fewer_encoders_are_stored_at_a_time_than_in_all(tmp_path: Path) -> None:
    kept_all, few = sweeps_in(tmp_path / "all"), sweeps_in(tmp_path / "needed")
    kept_all.run(with_chain(SMALL))
    few.run(needed(with_chain(SMALL)))
    assert kept_all.most == kept_all.num_stored == 2 * (6 + 2)  # two preparations: six search trials and two replicates
    assert few.most < kept_all.most
    assert few.ledger.scores == kept_all.ledger.scores


@pytest.mark.parametrize("lost", range(12))
def test_encoders_of_lost_trials_stay_until_a_later_sweep_has_run_them(lost: int, sweeps: Sweeps) -> None:
    space = needed(with_chain(SMALL))
    agenda = sweeps.run(space, unless(lambda spec: int(spec.key, 16) % 12 == lost, lambda _: "its worker died"))
    assert agenda.lost
    sweeps.run(space)
    assert not sweeps.retrained
    assert sweeps.num_stored == 0


def out_of_memory(spec: TrialSpec) -> TrainingRecord:
    return TrainingRecord(key=spec.key, spec=spec, state="failed", reason=f"{OUT_OF_MEMORY}: 1 GB")


def test_encoders_of_failed_trials_that_can_run_again_stay(sweeps: Sweeps) -> None:
    space = needed(with_chain(TINY))
    sweeps.run(space, unless(lambda spec: spec.name == "tiny/longer -> names/seed 2", out_of_memory))
    assert sweeps.num_stored == 2  # of `parts` and of `longer`, with seed 2
    sweeps.run(space)
    assert sweeps.num_stored == 2
    sweeps.run(space, retry=True)
    assert not sweeps.retrained
    assert sweeps.num_stored == 0


FINAL: dict[str, Callable[[TrialSpec], bool]] = {
    "preparation": lambda spec: spec.name == "tiny/longer/seed 2",
    "target": lambda spec: spec.name == "tiny/longer -> names/seed 2",
    "study": lambda spec: spec.name.startswith("tiny/baseline -> names/search"),
}


@pytest.mark.parametrize("failing", FINAL)
def test_trials_that_failed_for_good_and_those_that_depend_on_them_need_no_encoder(
    failing: str, sweeps: Sweeps
) -> None:
    agenda = sweeps.run(needed(with_chain(TINY)), unless(FINAL[failing], fail))
    assert any(record.state == "failed" for record in agenda.done.values())
    assert sweeps.num_stored == 0


def test_a_failure_with_dials_that_a_larger_search_replaces_removes_no_encoder(sweeps: Sweeps) -> None:
    def later_is_better(spec: TrialSpec) -> TrainingRecord:
        return replace(succeed(spec), value=float(spec.number))

    sweeps.run(needed(SMALL), unless(lambda spec: spec.name == "tiny/parts/seed 2"))
    larger = replace(SMALL, search=replace(SMALL.search, trials=9))
    sweeps.run(needed(larger), later_is_better)
    assert "tiny/parts -> names/seed 2" in {record.spec.name for record in sweeps.ledger.trainings.values()}
    assert not [name for name in sweeps.retrained if name.endswith("seed 2")]
    assert sweeps.num_stored == 0


@pytest.mark.parametrize("first", ["targets=names", "recipes=parts"])
def test_encoders_that_only_another_part_of_the_space_needs_stay(first: str, sweeps: Sweeps) -> None:
    space = needed(with_chain(SMALL))
    sweeps.run(space, only=first)
    assert sweeps.num_stored > 0
    sweeps.run(space)
    assert not sweeps.retrained
    assert sweeps.num_stored == 0


def test_the_last_part_of_a_space_removes_the_encoders_of_all_parts(sweeps: Sweeps) -> None:
    space = needed(with_chain(TINY))
    for only in ("targets=names", "targets=few_questions"):
        sweeps.run(space, only=only)
    assert not sweeps.retrained
    assert sweeps.num_stored == 0


def test_encoders_stay_for_the_trials_that_a_budget_does_not_buy(sweeps: Sweeps) -> None:
    space = needed(with_chain(TINY))
    sweeps.run(space, budget="12")
    assert sweeps.num_stored > 0
    sweeps.run(space)
    assert not sweeps.retrained
    assert sweeps.num_stored == 0


@pytest.mark.parametrize("options", [{"only": "targets=names"}, {"budget": "10"}])
def test_encoders_stay_for_trials_outside_of_a_part_that_lack_scores_of_new_languages(
    options: dict[str, str], sweeps: Sweeps
) -> None:
    sweeps.run(replace(TINY, targets=tuple(replace(target, languages=("en",)) for target in TINY.targets)))
    sweeps.run(needed(TINY), **options)
    assert sweeps.num_stored > 0
    sweeps.run(needed(TINY))
    assert not sweeps.retrained
    assert sweeps.num_stored == 0


def test_encoders_stay_for_trials_outside_of_a_part_whose_scores_were_lost(sweeps: Sweeps) -> None:
    sweeps.run(TINY)
    specs = [record.spec for record in sweeps.ledger.trainings.values()]
    [spec] = [spec for spec in specs if spec.name == "tiny/parts -> few_questions/seed 2"]
    sweeps.ledger.scores -= {score_key(spec.key, score) for score in spec.scores}
    sweeps.run(needed(TINY), only="targets=names")
    assert sweeps.num_stored == 1
    sweeps.run(needed(TINY))
    assert not sweeps.retrained


def test_encoders_stay_for_trials_outside_of_a_part_whose_data_are_missing(
    sweeps: Sweeps, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(resolver: Resolver, request: DataRequest, *arguments: Any, **limits: Any) -> DataSpec:
        if request.task == "few_questions":
            raise DataError("its file is missing")
        return read(resolver, request, *arguments, **limits)

    read = Resolver.data
    sweeps.run(TINY)
    monkeypatch.setattr(Resolver, "data", refuse)
    sweeps.run(needed(TINY), only="targets=names")
    assert sweeps.num_stored == 2  # of `parts`, with two seeds
    monkeypatch.undo()
    sweeps.run(needed(TINY), only="targets=names")
    assert sweeps.num_stored == 0


def test_a_stored_target_with_the_stages_of_a_recipe_keeps_their_encoder(sweeps: Sweeps) -> None:
    target = TINY.targets[0]
    parts = next(recipe for recipe in TINY.recipes if recipe.stages)
    stage = replace(parts.stages[0], tasks=(target.task,), training=target.training)
    recipes = (TINY.recipes[0], replace(parts, stages=(stage,)))
    space = replace(TINY, recipes=recipes, keep_targets=True, evaluate="dev")
    space = replace(space, targets=tuple(replace(each, dials={}) for each in space.targets))
    sweeps.run(needed(space))
    stored = {r.spec.encoder for r in sweeps.ledger.trainings.values() if r.spec.kind == "target" and r.spec.keep}
    assert set(sweeps.store.keys()) == stored
    assert {r.spec.encoder for r in sweeps.ledger.trainings.values() if r.spec.kind == "prepare"} & stored


def test_a_larger_space_trains_a_removed_encoder_again_and_removes_it_again(sweeps: Sweeps) -> None:
    space = needed(with_chain(TINY))
    sweeps.run(replace(space, targets=space.targets[:1]))
    assert sweeps.num_stored == 0
    sweeps.run(space)
    assert {name.rpartition("/")[0] for name in sweeps.retrained} == {
        "tiny/parts -> few_questions", "tiny/longer -> few_questions"
    }  # fmt: skip
    assert sweeps.num_stored == 0


@pytest.mark.parametrize("left", [(MANIFEST, "weights"), ("weights",), ()])
def test_a_sweep_completes_the_removal_that_a_killed_one_has_begun(left: tuple[str, ...], sweeps: Sweeps) -> None:
    space = with_chain(TINY)
    sweeps.run(space)
    for key in sweeps.store.folder.names():
        for name in {MANIFEST, "weights"} - set(left):
            sweeps.store.folder.remove(f"{key}/{name}")
    sweeps.run(needed(space))
    assert sweeps.num_stored == 0
    assert not sweeps.messages


def test_a_space_that_keeps_all_encoders_has_no_remover(sweeps: Sweeps) -> None:
    assert sweeps.remover(sweeps.run(TINY)) is None


def test_encoders_are_not_removed_from_a_store_that_sweeps_share(tmp_path: Path) -> None:
    run = Run.at(str(tmp_path / "run"))
    check_store(needed(TINY), run.make_site())
    check_store(TINY, run.make_site(store=str(tmp_path / "shared")))
    with pytest.raises(UserError, match=r"other sweeps may need those of the store .*shared"):
        check_store(needed(TINY), run.make_site(store=str(tmp_path / "shared")))


def test_an_encoder_that_cannot_be_removed_is_reported_once(sweeps: Sweeps, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(store: EncoderStore, key: str) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(EncoderStore, "remove", refuse)
    sweeps.run(needed(with_chain(TINY)))
    assert len(sweeps.messages) == 1
    assert "cannot be removed: read-only" in sweeps.messages[0]
    monkeypatch.undo()
    sweeps.run(needed(with_chain(TINY)))
    assert sweeps.num_stored == 0


def test_a_failure_of_the_remover_is_reported_as_one_of_the_removal(
    sweeps: Sweeps, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(store: EncoderStore, key: str) -> None:
        raise RuntimeError("broken")

    release = sweeps.remover(sweeps.run(needed(TINY)))
    assert release
    monkeypatch.setattr(EncoderStore, "remove", crash)
    watches = Watches([release], sweeps.messages.append)
    for record in sweeps.ledger.trainings.values():
        watches.finished(record.spec, TrialResult(training=record))
    assert sweeps.messages == ["The removal of encoders failed (RuntimeError: broken)."]
