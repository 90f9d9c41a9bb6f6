"""Label noise: the share of wrong labels, which labels replace them, and what decides the choice."""

from collections import Counter

from sweeper.data.perturb.labels import with_noisy_labels
from sweeper.formats.interface import Example
from sweeper.records.spec import LabelNoiseSpec
from sweeper.tasks.catalog import CATALOG

LABELS = ("entailment", "neutral", "contradiction")
PAIRS = [
    Example(id=f"{n}", group=f"{n}", fields={"text": f"text {n}", "pair": "b", "label": LABELS[n % 3]})
    for n in range(3000)
]


def noisy(probability, examples=PAIRS, seed=1, task="mnli", labels=LABELS):
    spec = LabelNoiseSpec(probability=probability, seed=seed)
    return list(with_noisy_labels(examples, spec, CATALOG[task], labels))


def flipped(probability, **options):
    pairs = zip(PAIRS, noisy(probability, **options), strict=True)
    return {new.id: new.fields["label"] for old, new in pairs if new.fields["label"] != old.fields["label"]}


def test_a_label_is_wrong_with_the_probability_of_the_noise():
    # Three standard deviations of a share of 3,000 draws are at most 0.03.
    assert abs(len(flipped(0.3)) / len(PAIRS) - 0.3) < 0.03
    assert len(flipped(1.0)) == len(PAIRS)
    assert noisy(0.0) == PAIRS


def test_a_wrong_label_is_drawn_uniformly_from_the_other_labels():
    confusions = Counter((PAIRS[int(id_)].fields["label"], label) for id_, label in flipped(1.0).items())
    assert len(confusions) == 6
    # 500 of the 1,000 examples of a label are expected, with a standard deviation of 16.
    assert all(abs(number - 500) < 60 for number in confusions.values())


def test_a_larger_probability_includes_the_wrong_labels_of_a_smaller_one():
    assert flipped(0.15).items() < flipped(0.3).items() < flipped(1.0).items()


def test_another_seed_makes_other_examples_wrong():
    first, second = (flipped(0.3, seed=seed).keys() for seed in (1, 2))
    assert abs(len(first & second) / len(PAIRS) - 0.09) < 0.03


def test_noise_changes_labels_only_and_does_not_depend_on_other_examples():
    for old, new in zip(PAIRS, noisy(0.3), strict=True):
        assert (new.id, new.group) == (old.id, old.group)
        assert {**new.fields, "label": ""} == {**old.fields, "label": ""}
    assert noisy(0.3, PAIRS[::-1]) == noisy(0.3)[::-1]


def test_a_wrong_choice_is_another_choice_of_the_same_example():
    sizes = [2 + number % 3 for number in range(300)]
    choices = [
        Example(id=f"{n}", group="", fields={"prompt": "", "choices": ["x"] * size, "label": n % size})
        for n, size in enumerate(sizes)
    ]
    new = [example.fields["label"] for example in noisy(1.0, choices, task="hellaswag", labels=())]
    assert all(0 <= label < size for label, size in zip(new, sizes, strict=True))
    assert all(label != old.fields["label"] for label, old in zip(new, choices, strict=True))
