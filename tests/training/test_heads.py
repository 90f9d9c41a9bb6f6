"""Heads: each loss is compared with a sum computed in the test, and the outputs with their definition."""

import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import DynamicOutputShapeException, FakeTensorMode
from torch.nn import functional

from sweeper.formats.interface import IGNORED
from sweeper.training.heads import (
    HEADS,
    ChoiceHead,
    DualHead,
    Head,
    MaskedHead,
    SequenceHead,
    Sizes,
    SpanHead,
    TokenHead,
)

HIDDEN = 8


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


@pytest.fixture
def hidden() -> Tensor:
    """Five features of six tokens."""
    return torch.randn(5, 6, HIDDEN, generator=torch.Generator().manual_seed(0))


def make_head(head_class: type[Head], num_labels: int = 0) -> Head:
    torch.manual_seed(1)
    return head_class(Sizes(hidden=HIDDEN, labels=num_labels, embedding=HIDDEN, dropout=0.1)).eval()


def loss_of(head: Head, hidden: Tensor, batch: dict[str, Tensor]) -> Tensor:
    return head.loss(hidden, batch | head.indices(batch))


def test_the_sequence_loss_is_the_cross_entropy_of_the_first_token(hidden: Tensor) -> None:
    head = make_head(SequenceHead, 3)
    label = torch.tensor([0, 2, 1, IGNORED, 1])
    logits = head.out(torch.tanh(head.dense(hidden[:, 0])))
    probabilities = logits.softmax(dim=1)
    expected = -sum(math.log(float(probabilities[i, int(k)])) for i, k in enumerate(label) if k != IGNORED)
    assert float(head.loss(hidden, {"label": label})) == pytest.approx(expected, rel=1e-5)


def test_the_token_loss_is_the_sum_over_the_labelled_tokens(hidden: Tensor) -> None:
    head = make_head(TokenHead, 4)
    tags = torch.full((5, 6), IGNORED)
    tags[0, 1], tags[3, 4] = 2, 0
    scores = head.out(hidden).log_softmax(dim=-1)
    expected = -float(scores[0, 1, 2] + scores[3, 4, 0])
    assert float(loss_of(head, hidden, {"tags": tags})) == pytest.approx(expected, rel=1e-5)


def test_the_log_probabilities_of_tags_add_up_to_the_negative_loss_and_are_0_without_a_tag(hidden: Tensor) -> None:
    head = make_head(TokenHead, 4)
    tags = torch.full((5, 6), IGNORED)
    tags[0, 1], tags[3, 4] = 2, 0
    outputs = head.outputs(hidden, {"tags": tags})
    assert float(outputs["log_gold"].sum()) == pytest.approx(-float(loss_of(head, hidden, {"tags": tags})), rel=1e-5)
    assert torch.count_nonzero(outputs["log_gold"]) == 2
    assert bool((outputs["log_best"] >= outputs["log_gold"])[tags != IGNORED].all())


def test_a_batch_without_a_labelled_token_has_no_loss(hidden: Tensor) -> None:
    loss = loss_of(make_head(TokenHead, 4), hidden, {"tags": torch.full((5, 6), IGNORED)})
    assert float(loss) == 0


def test_items_of_two_to_five_choices_share_a_batch() -> None:
    head, counts = make_head(ChoiceHead), (2, 5, 3)
    hidden = torch.randn(sum(counts), 4, HIDDEN, generator=torch.Generator().manual_seed(3))
    choices = torch.tensor([[0, 1, -1, -1, -1], [2, 3, 4, 5, 6], [7, 8, 9, -1, -1]])
    label = torch.tensor([1, 4, 0])
    scores = head.outputs(hidden, {})["score"].split(counts)
    expected = sum(float(functional.cross_entropy(item[None], k[None])) for item, k in zip(scores, label, strict=True))
    assert float(head.loss(hidden, {"choices": choices, "label": label})) == pytest.approx(expected, rel=1e-5)


def test_the_span_loss_is_the_mean_of_start_and_end_over_real_tokens(hidden: Tensor) -> None:
    head = make_head(SpanHead)
    mask = torch.ones(5, 6, dtype=torch.long)
    mask[:, 4:] = 0
    first, last = torch.tensor([0, 1, 2, IGNORED, 3]), torch.tensor([0, 2, 2, IGNORED, 3])
    batch = {"attention_mask": mask, "start": first, "end": last}
    start, end = (head.out(hidden[:, :4]).log_softmax(dim=1)[..., i] for i in (0, 1))
    rows = [0, 1, 2, 4]
    expected = -sum(float(start[i, batch["start"][i]] + end[i, batch["end"][i]]) for i in rows) / 2
    assert float(head.loss(hidden, batch)) == pytest.approx(expected, rel=1e-5)


def test_the_span_loss_never_prefers_padding(hidden: Tensor) -> None:
    head = make_head(SpanHead)
    mask = torch.ones(5, 6, dtype=torch.long)
    mask[:, 4:] = 0
    batch = {"attention_mask": mask, "start": torch.ones(5, dtype=torch.long), "end": torch.ones(5, dtype=torch.long)}
    louder = hidden.clone()
    louder[:, 4:] = 1000 * hidden[:, 4:]  # only the padding changes
    assert torch.equal(head.loss(hidden, batch), head.loss(louder, batch))


def test_the_dual_loss_compares_each_query_with_all_candidates_of_the_batch() -> None:
    head = make_head(DualHead)
    hidden = torch.randn(6, 4, HIDDEN, generator=torch.Generator().manual_seed(4))
    vectors = head.outputs(hidden, {})["vectors"]
    assert vectors.norm(dim=1).tolist() == pytest.approx([1.0] * 6, rel=1e-5)
    logits = 100 * vectors[[0, 2, 4]] @ vectors[[1, 3, 5]].T
    expected = -float(logits.log_softmax(dim=1).diagonal().sum())
    assert float(head.loss(hidden, {"right": torch.tensor([7, 8, 9])})) == pytest.approx(expected, rel=1e-4)


def test_a_candidate_with_the_text_of_the_right_one_is_not_a_negative() -> None:
    head = make_head(DualHead)
    hidden = torch.randn(6, 4, HIDDEN, generator=torch.Generator().manual_seed(4))
    vectors = head.outputs(hidden, {})["vectors"]
    logits = 100 * vectors[[0, 2, 4]] @ vectors[[1, 3, 5]].T
    logits[0, 2] = logits[2, 0] = float("-inf")  # pairs 0 and 2 have the same text
    expected = -float(logits.log_softmax(dim=1).diagonal().sum())
    assert float(head.loss(hidden, {"right": torch.tensor([7, 8, 7])})) == pytest.approx(expected, rel=1e-4)


def masked_batch() -> dict[str, Tensor]:
    masked = torch.full((5, 6), IGNORED)
    masked[0, 1], masked[0, 2], masked[4, 5] = 3, 0, 9
    table = torch.randn(10, HIDDEN, generator=torch.Generator().manual_seed(5))
    return {"masked": masked, "embeddings": table}


def test_the_masked_loss_uses_the_token_embeddings_of_the_body(hidden: Tensor) -> None:
    head, batch = make_head(MaskedHead, 10), masked_batch()
    expected = 0.0
    for row, position in ((0, 1), (0, 2), (4, 5)):
        state = head.norm(functional.gelu(head.dense(hidden[row, position])))
        logits = batch["embeddings"] @ state + head.bias
        expected -= float(logits.log_softmax(dim=0)[batch["masked"][row, position]])
    assert float(loss_of(head, hidden, batch)) == pytest.approx(expected, rel=1e-5)


def test_the_losses_of_the_features_sum_to_the_masked_loss(hidden: Tensor) -> None:
    head, batch = make_head(MaskedHead, 10), masked_batch()
    outputs = head.outputs(hidden, batch)
    assert float(outputs["loss"].sum()) == pytest.approx(float(loss_of(head, hidden, batch)), rel=1e-5)
    assert outputs["masked"].tolist() == [2, 0, 0, 0, 1]
    assert outputs["loss"][1:4].tolist() == [0, 0, 0]
    assert outputs["restored"][1:4].tolist() == [0, 0, 0]
    assert outputs["uniform"].tolist() == pytest.approx([2 * math.log(10), 0, 0, 0, math.log(10)])


def test_a_masked_token_is_restored_if_its_logit_is_the_largest(hidden: Tensor) -> None:
    head, batch = make_head(MaskedHead, 10), masked_batch()
    head.bias.data[int(batch["masked"][0, 1])] = 1e3  # every position predicts this token
    is_gold = batch["masked"] == batch["masked"][0, 1]
    assert head.outputs(hidden, batch)["restored"].tolist() == is_gold.sum(dim=1).tolist()
    assert 0 < is_gold.sum() < (batch["masked"] != IGNORED).sum()


BATCHES: dict[str, dict[str, Tensor]] = {
    "sequence": {"label": torch.tensor([0, 1, 0, 1, 0])},
    "choice": {"label": torch.tensor([1, 2]), "choices": torch.tensor([[0, 1, -1], [2, 3, 4]])},
    "token": {"tags": torch.tensor([[IGNORED, 1, 0, 2, IGNORED, IGNORED]] * 5)},
    "span": {"attention_mask": torch.ones(5, 6, dtype=torch.long), "start": torch.ones(5, dtype=torch.long)}
    | {"end": torch.full((5,), 2)},
    "mlm": {"masked": torch.tensor([[IGNORED, 1, 0, 2, IGNORED, IGNORED]] * 5), "embeddings": torch.zeros(10, HIDDEN)},
    "dual": {"right": torch.tensor([7, 8])},
}


@pytest.mark.parametrize("name", HEADS)
def test_the_cpu_never_waits_for_a_gpu_that_computes_a_loss_and_its_gradient(name: str) -> None:
    batch = BATCHES[name] | HEADS[name].indices(BATCHES[name])
    with FakeTensorMode() as mode, torch.enable_grad():
        head = HEADS[name](Sizes(hidden=HIDDEN, labels=10, embedding=HIDDEN, dropout=0.1))
        fake = {key: mode.from_tensor(tensor) for key, tensor in batch.items()}
        hidden = torch.zeros(4 if name == "dual" else 5, 6, HIDDEN, requires_grad=True)
        # A fake tensor has no values: to read one, or a number of values, raises an error.
        head.loss(hidden, fake).backward()
        with pytest.raises(DynamicOutputShapeException):
            hidden[hidden > 0]
