"""Retrieval: parallel sentences and mining pools, from rows to scores."""

import tracemalloc

import numpy as np
import pytest

from sweeper.errors import DataError
from sweeper.formats import retrieve as module
from sweeper.formats import vectors as vectors_module
from sweeper.formats.interface import Example, Lengths, PredictedExamples, ScoreSettings
from sweeper.formats.retrieve import Retrieve
from sweeper.formats.vectors import Vectors, take_vectors
from sweeper.scoring import nearest, neighbours
from sweeper.scoring.counts import precision_recall_f1
from sweeper.scoring.mining import Candidate, best_threshold, fitted_half, mine
from sweeper.tasks.spec import Task
from tests.tokenizers_tiny import tiny_tokenizer

FORMAT = Retrieve()
TATOEBA = Task(
    name="tatoeba",
    title="",
    format="retrieve",
    scorer="neighbours",
    columns={"source": "source", "target": "target", "id": "target"},
)
BUCC = Task(
    name="bucc",
    title="",
    format="retrieve",
    scorer="mining",
    columns={"source": "sentence1", "target": "sentence2", "gold": "gold"},
)


def parallel(count=4):
    rows = [{"source": f"die Stadt {n}", "target": f"the town {n}"} for n in range(count)]
    return [example for number, row in enumerate(rows) for example in FORMAT.read(row, TATOEBA, number)]


def pool(num_gold=6, num_fillers=10, **changes):
    row = {
        "sentence1": [f"s{n}" for n in range(num_gold + num_fillers)],
        "sentence2": [f"t{n}" for n in range(num_gold + num_fillers)],
        "gold": [[n + 1, num_gold - n] for n in range(num_gold)],
    }
    return FORMAT.read(row | changes, BUCC, 0)


def vectors(examples, noise=0.0):
    """Partners have the same direction, each filler a direction of its own."""
    draw = np.random.default_rng(0)
    meaning: dict[str, np.ndarray] = {}
    rows = []
    for example in examples:
        meaning.setdefault(example.group, draw.normal(size=24))
        rows.append((meaning[example.group] + noise * draw.normal(size=24)).astype(np.float32)[None])
    return rows


def test_a_pair_of_sentences_is_one_item_of_two_features():
    tokenizer = tiny_tokenizer()
    features = FORMAT.encode(parallel(2), tokenizer, Lengths(max_length=32), ())
    assert features.items.tolist() == [0, 2, 4]
    assert features.example.tolist() == [0, 0, 1, 1]
    assert features.tokens[: features.offsets[1]].tolist() == tokenizer("die Stadt 0")["input_ids"]
    assert features.tokens[features.offsets[1] : features.offsets[2]].tolist() == tokenizer("the town 0")["input_ids"]


def test_decoded_vectors_are_grouped_by_example():
    features = FORMAT.encode(parallel(2), tiny_tokenizer(), Lengths(max_length=32), ())
    rows = FORMAT.decode(parallel(2), features, {"vectors": np.arange(8).reshape(4, 2)}, ())
    assert rows[1].tolist() == [[4, 5], [6, 7]]


def test_the_id_of_parallel_sentences_can_be_the_english_text():
    assert [example.id for example in parallel(2)] == ["the town 0", "the town 1"]


def test_the_target_sentences_are_the_queries():
    # Both targets are nearest to source 0. With the sources as queries, each would find its own target.
    predictions = [np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([[0.0, 1.0], [1.0, 0.9]])]
    scored = FORMAT.score(parallel(2), predictions, TATOEBA, "de")
    assert scored.metrics == {"accuracy": 0.5}
    assert scored.outcomes[1]["prediction"] == "the town 0"


def test_accuracy_is_recomputable_and_chance_is_one_in_the_pool():
    same = [np.stack([vector, vector]) for vector in np.eye(4)]
    scored = FORMAT.score(parallel(), same, TATOEBA, "de")
    assert scored.metrics == {"accuracy": 1}
    assert scored.trivial == {"accuracy": 0.25}
    assert [row["correct"] for row in scored.outcomes] == [1, 1, 1, 1]


def test_among_equal_sentences_the_first_is_found():
    scored = FORMAT.score(parallel(), [np.ones((2, 3))] * 4, TATOEBA, "de")
    assert [row["correct"] for row in scored.outcomes] == [1, 0, 0, 0]


def test_a_pool_gives_one_example_per_sentence_with_partners_from_gold():
    examples = pool()
    assert len(examples) == 32
    assert examples[0].fields == {"side": "source", "text": "s0", "partners": ["target-6"]}
    assert examples[0].id == "source-1"
    assert [example.filler for example in examples[:16]] == [False] * 6 + [True] * 10
    by_id = {example.id: example for example in examples}
    assert by_id["target-6"].group == by_id["source-1"].group


def pool_with_second_partners():
    """Of 31 sentences, 20 find their partner, 8 find another sentence and 3 none; two of the 20 have two partners."""
    gold = [[n, n if n <= 20 else n + 12] for n in range(1, 32)] + [[1, 45], [45, 2]]
    examples = pool(
        sentence1=[f"s{n}" for n in range(1, 46)],
        sentence2=[f"t{n}" for n in range(1, 46)],
        gold=gold,
    )
    direction = {f"{side}-{n}": n for side in ("source", "target") for n in range(1, 29)}
    rows = [np.zeros((1, 32), dtype=np.float32) for _ in examples]
    for example, row in zip(examples, rows, strict=True):
        if example.id in direction:
            row[0, direction[example.id]] = 1
    return PredictedExamples(examples=examples, predictions=rows)


def test_a_sentence_with_two_gold_partners_keeps_both_in_the_gold():
    predicted = pool_with_second_partners()
    by_id = {example.id: example for example in predicted.examples}
    assert by_id["source-1"].fields["partners"] == ["target-1", "target-45"]
    assert by_id["target-2"].fields["partners"] == ["source-2", "source-45"]
    assert {by_id[name].group for name in ("source-2", "source-45", "target-2")} == {"source-2"}
    settings = ScoreSettings(fitted_on=predicted)
    scored = FORMAT.score(predicted.examples, predicted.predictions, BUCC, "de", settings)
    # Computed by `bucc_f1` of XTREME's evaluate.py: 20 of 28 mined pairs are correct, of 33 gold pairs.
    expected = {"f1": 65.57377049180327, "precision": 71.42857142857143, "recall": 60.60606060606061}
    assert {name: 100 * value for name, value in scored.metrics.items()} == expected


def test_a_gold_pair_outside_the_pool_raises_an_error():
    with pytest.raises(DataError, match=r"sentence numbers from 1, got \[0, 1\] with 16 sources"):
        pool(gold=[[0, 1]])


def test_all_partners_with_the_same_direction_are_mined():
    examples = pool()
    scored = FORMAT.score(examples, vectors(examples), BUCC, "zh")
    assert scored.metrics["recall"] == 1
    assert scored.trivial == {"f1": 0, "precision": 0, "recall": 0}
    assert sum(row["gold"] for row in scored.outcomes) == 3, "half of the six gold pairs"


def test_the_metrics_are_recomputable_from_the_pairs():
    examples = pool(num_gold=30, num_fillers=60)
    scored = FORMAT.score(examples, vectors(examples, noise=0.6), BUCC, "zh")
    counts = [sum(row[name] for row in scored.outcomes) for name in ("correct", "mined", "gold")]
    precision, recall, f1 = precision_recall_f1(*counts)
    assert scored.metrics == {"f1": f1, "precision": precision, "recall": recall}
    assert 0 < f1 < 1
    assert counts[2] == 15


def test_the_threshold_is_fitted_on_one_half_and_applied_to_the_other():
    examples = pool(num_gold=30, num_fillers=60)
    rows = vectors(examples, noise=0.6)
    sources, targets = examples[:90], examples[90:]
    fitted = fitted_half([e.id for e in sources if not e.filler], [e.id for e in sources if e.filler])
    candidates = [
        Candidate(source=sources[i].id, target=targets[j].id, margin=margin)
        for i, j, margin in mine(np.concatenate(rows[:90]), np.concatenate(rows[90:]))
    ]
    gold = {
        (example.id, *example.fields["partners"]) for example in sources if example.id in fitted and not example.filler
    }
    threshold = best_threshold([candidate for candidate in candidates if candidate.source in fitted], gold)
    above = {f"{c.source}/{c.target}" for c in candidates if c.source not in fitted and c.margin >= threshold}

    scored = FORMAT.score(examples, rows, BUCC, "zh")
    assert {row["example"] for row in scored.outcomes if row["mined"]} == above
    assert not {row["group"] for row in scored.outcomes} & fitted, "neither correct nor wrong pairs of the fitted half"


def test_a_text_that_occurs_twice_in_a_pool_is_never_mined():
    examples = pool(sentence1=["s0"] * 6 + [f"s{n}" for n in range(6, 16)])
    assert FORMAT.score(examples, vectors(examples), BUCC, "zh").metrics["recall"] == 0


def as_decoded(rows):
    """Vectors of the examples in one array, like the outputs of a net."""
    return Vectors(rows=np.concatenate(rows), items=np.arange(len(rows) + 1))


def test_mining_gives_the_same_result_for_one_array_and_for_many():
    mixed = pool(num_gold=30, num_fillers=60, sentence1=["s7"] * 9 + [f"s{n}" for n in range(9, 90)])
    shuffled = [mixed[n] for n in np.random.default_rng(1).permutation(len(mixed))]
    for examples in (mixed, shuffled):
        rows = vectors(examples, noise=0.6)
        apart, together = (FORMAT.score(examples, form, BUCC, "zh") for form in (rows, as_decoded(rows)))
        assert apart == together
        assert apart.metrics["f1"] > 0


def test_chosen_vectors_are_moved_together_within_their_array(monkeypatch):
    monkeypatch.setattr(vectors_module, "MOVED", 3)
    rows = np.arange(40, dtype=np.float32).reshape(20, 2)
    first, second = take_vectors(Vectors(rows=rows, items=np.arange(21)), ([0, 2, 3, 7, 8], [9, 11, 15, 19]))
    assert first[:, 0].tolist() == [0, 4, 6, 14, 16]
    assert second[:, 0].tolist() == [18, 22, 30, 38]
    assert np.shares_memory(first, rows)
    assert np.shares_memory(second, rows)


def test_mining_makes_no_copy_of_the_vectors_of_a_pool(monkeypatch):
    monkeypatch.setattr(nearest, "BLOCK", 2**12)
    monkeypatch.setattr(vectors_module, "MOVED", 16)
    examples = pool(num_gold=40, num_fillers=160)
    rows = np.random.default_rng(0).normal(size=(400, 8192)).astype(np.float32)
    tracemalloc.start()
    predictions = Vectors(rows=rows, items=np.arange(401))
    FORMAT.score(examples, predictions, BUCC, "zh", ScoreSettings(search=nearest.NumpyIndex))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < rows.nbytes / 4


def test_a_subset_of_a_pool_that_keeps_partners_together_can_be_scored():
    examples = [example for example in pool() if not example.filler or example.id.endswith("6")]
    scored = FORMAT.score(examples, vectors(examples), BUCC, "zh")
    assert scored.metrics["recall"] == 1


def test_fitting_and_scoring_on_a_single_gold_pair_raises_an_error():
    examples = pool(num_gold=1)
    with pytest.raises(DataError, match="needs at least two, got 1"):
        FORMAT.score(examples, vectors(examples), BUCC, "zh")


def pairs_of_cosines(*cosines, partners):
    """A pool in which the n-th sentences of both sides have the n-th cosine, others 0; `partners` are gold pairs."""
    count, names = len(cosines), {f"source-{n + 1}": f"target-{n + 1}" for n in partners}
    names |= {target: source for source, target in names.items()}
    examples = []
    for side in ("source", "target"):
        for n in range(1, count + 1):
            partner = names.get(f"{side}-{n}")
            fields = {"side": side, "text": f"{side} {n}", "partners": [partner] if partner else []}
            examples.append(Example(id=f"{side}-{n}", group="", fields=fields, filler=partner is None))
    x, y = np.zeros((2, count, 2 * count), dtype=np.float32)
    for n, cosine in enumerate(cosines):
        x[n, 2 * n], y[n, 2 * n], y[n, 2 * n + 1] = 1, cosine, np.sqrt(1 - cosine**2)
    return PredictedExamples(examples=examples, predictions=[row[None] for row in (*x, *y)])


def by_cosine(x, y, **_):
    """All pairs (n, n) with the cosine as their margin, in place of the ratio."""
    return sorted(((n, n, float(x[n] @ y[n])) for n in range(len(x))), key=lambda pair: -pair[2])


def mined(scored):
    return [row["example"] for row in scored.outcomes if row["mined"]]


def test_the_threshold_of_a_dev_pool_is_applied_to_all_of_the_test_pool(monkeypatch):
    monkeypatch.setattr(module, "mine", by_cosine)
    dev = pairs_of_cosines(0.9, 0.7, 0.5, 0.3, partners=(0, 1))
    test = pairs_of_cosines(0.95, 0.61, 0.59, 0.2, partners=(0, 1, 2))
    # The dev pairs have F1 2/3, 1, 4/5, 2/3 one by one, so the threshold is halfway between 0.7 and 0.5. Fitted on test
    # it would be below 0.59, where all three pairs are correct.
    scored = FORMAT.score(test.examples, test.predictions, BUCC, "de", ScoreSettings(fitted_on=dev))
    assert mined(scored) == ["source-1/target-1", "source-2/target-2"]
    assert scored.metrics == {"precision": 1, "recall": pytest.approx(2 / 3), "f1": pytest.approx(0.8)}


def test_a_dev_pool_without_gold_pairs_raises_an_error():
    test, dev = (pairs_of_cosines(0.9, 0.7, partners=partners) for partners in ((0, 1), ()))
    with pytest.raises(DataError, match="gold pairs in each pool, got none among 4 sentences"):
        FORMAT.score(test.examples, test.predictions, BUCC, "de", ScoreSettings(fitted_on=dev))


def test_one_gold_pair_is_enough_if_the_threshold_is_fitted_on_another_pool():
    test, dev = (pairs_of_cosines(cosine, 0.0, partners=(0,)) for cosine in (0.9, 0.8))
    scored = FORMAT.score(test.examples, test.predictions, BUCC, "de", ScoreSettings(fitted_on=dev))
    assert mined(scored) == ["source-1/target-1"]


def test_parallel_sentences_can_be_compared_by_csls(monkeypatch):
    # Targets at 0, 40 and 50 degrees are the queries, sources at 25, 47 and 85 the pool. By cosine the first two find
    # their own. By CSLS with k = 2 the second one finds 25 instead of 47, which is near to two (see test_neighbours).
    monkeypatch.setattr(neighbours, "CSLS_NEIGHBOURS", 2)
    angles = np.deg2rad([[25, 0], [47, 40], [85, 50]])
    predictions = [np.stack([np.cos(pair), np.sin(pair)], axis=1) for pair in angles]
    cosine, csls = (
        FORMAT.score(parallel(3), predictions, TATOEBA, "de", ScoreSettings(similarity=how)).metrics["accuracy"]
        for how in ("cosine", "csls")
    )
    assert (cosine, csls) == (2 / 3, 1 / 3)
