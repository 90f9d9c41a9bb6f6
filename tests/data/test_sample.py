"""Carving and caps: hashes of ids decide, so the choice is the same in all languages and in any order of rows."""

from dataclasses import replace

import pytest

from sweeper.data.sample import apply_caps, carve, merge_candidates
from sweeper.formats.interface import Example
from sweeper.records.spec import DataSpec


def spec(**more: object) -> DataSpec:
    usual = DataSpec(task="t", part="train", languages=("en",), max_length=16, stride=4)
    return replace(usual, **more)  # type: ignore[arg-type]


def examples(number: int, start: int = 0) -> list[Example]:
    return [Example(id=str(i), group=str(i), fields={"text": "a"}) for i in range(start, start + number)]


def pool(num_pairs: int, num_fillers: int) -> list[Example]:
    def sentence(side: str, other: str, number: int, filler: bool) -> Example:
        name, partner = f"{side}-{number}", f"{other}-{number}"
        fields = {"side": side, "partners": [] if filler else [partner]}
        return Example(id=name, group=name if filler else min(name, partner), fields=fields, filler=filler)

    sides = (("source", "target"), ("target", "source"))
    return [sentence(*side, i, i >= num_pairs) for side in sides for i in range(num_pairs + num_fillers)]


def carved(part: str, number: int, share: float, cap: int | None = None) -> list[str]:
    """The ids of a split of that many examples."""
    pairs = ((example.id, example) for example in examples(number))
    return [example.id for example in carve(pairs, spec(part=part, carve_share=share, carve_cap=cap))]


def test_train_and_select_partition_the_examples_and_dev_has_all() -> None:
    train, select = carved("train", 2000, 0.1), carved("select", 2000, 0.1)
    assert sorted(map(int, train + select)) == list(range(2000))
    assert len(select) == pytest.approx(200, abs=60)
    assert carved("dev", 2000, 0.1) == [str(number) for number in range(2000)]


def test_the_smaller_of_share_and_cap_is_set_aside_and_train_has_all_others() -> None:
    share, capped = carved("select", 2000, 0.1), carved("select", 2000, 0.1, cap=20)
    assert len(capped) == 20
    assert set(capped) < set(share)
    assert sorted(map(int, carved("train", 2000, 0.1, cap=20) + capped)) == list(range(2000))
    assert set(carved("select", 2000, 0.1, cap=1000)) == set(share)


def test_the_order_of_the_rows_does_not_change_which_are_set_aside() -> None:
    backwards = ((example.id, example) for example in examples(500)[::-1])
    select = [example.id for example in carve(backwards, spec(part="select", carve_share=0.2, carve_cap=30))]
    assert select == carved("select", 500, 0.2, cap=30)


def test_train_leaves_out_the_floor_and_select_does_not_grow() -> None:
    def train(floor: float) -> set[str]:
        pairs = ((example.id, example) for example in examples(2000))
        data = spec(part="train", carve_share=0.2, carve_cap=20, carve_floor=floor)
        return {example.id for example in carve(pairs, data)}

    select = set(carved("select", 2000, 0.2, cap=20))
    # A floor below the share of the cap, 20 of 2,000, changes nothing.
    assert train(0.0) == train(0.005) == {str(number) for number in range(2000)} - select
    tenth = set(carved("select", 2000, 0.1))
    assert select < tenth
    assert train(0.1) == {str(number) for number in range(2000)} - tenth


def test_examples_with_one_id_are_set_aside_together() -> None:
    twice = [(example.id, replace(example, group=group)) for group in "ab" for example in examples(100)]
    parts = [list(carve(twice, spec(part=part, carve_share=0.5, carve_cap=10))) for part in ("train", "select")]
    train, select = ({example.id for example in part} for part in parts)
    assert not train & select
    assert [len(part) for part in parts] == [180, 20]


def test_without_a_carved_share_train_has_all_examples_and_select_none() -> None:
    assert carved("train", 100, 0.0, cap=10) == [str(number) for number in range(100)]
    assert carved("select", 100, 0.0, cap=10) == []


def test_a_cap_keeps_the_same_ids_in_any_order_of_the_rows() -> None:
    forward = [example.id for example in apply_caps(examples(50), spec(cap_examples=7))]
    backward = [example.id for example in apply_caps(examples(50)[::-1], spec(cap_examples=7))]
    assert forward == backward
    assert len(set(forward)) == 7


def test_a_larger_cap_keeps_the_examples_of_a_smaller_cap() -> None:
    small, large = ([e.id for e in apply_caps(examples(50), spec(cap_examples=cap))] for cap in (5, 20))
    assert large[:5] == small


def test_repeated_candidates_are_merged_with_all_their_keys_and_come_last() -> None:
    def candidate(name: str, *keys: str) -> Example:
        return Example(id=name, group="", fields={"candidate": name, "keys": list(keys)})

    merged = list(
        merge_candidates(
            [candidate("a", "q1"), *examples(2), candidate("b"), candidate("a", "q2"), candidate("a", "q1")]
        )
    )
    assert merged == [*examples(2), candidate("a", "q1", "q2"), candidate("b")]


def test_another_sample_seed_keeps_other_examples() -> None:
    kept = [{e.id for e in apply_caps(examples(50), spec(cap_examples=10, sample_seed=seed))} for seed in (0, 1)]
    assert kept[0] != kept[1]


def test_without_a_cap_the_examples_keep_their_own_order() -> None:
    assert [example.id for example in apply_caps(examples(5), spec())] == ["0", "1", "2", "3", "4"]


def test_pairs_stay_whole_and_fillers_count_towards_the_distractors_of_their_side() -> None:
    kept = list(apply_caps(pool(num_pairs=20, num_fillers=30), spec(cap_examples=6, distractors=4)))
    real = [example for example in kept if not example.filler]
    ids = {example.id for example in real}
    assert len(real) == 12
    assert all(ids.issuperset(example.fields["partners"]) for example in real)
    sides = [example.fields["side"] for example in kept if example.filler]
    assert sorted(sides) == ["source"] * 4 + ["target"] * 4


def test_all_fillers_are_kept_if_only_the_items_are_capped() -> None:
    kept = list(apply_caps(pool(num_pairs=5, num_fillers=30), spec(cap_examples=2)))
    assert sum(example.filler for example in kept) == 60
