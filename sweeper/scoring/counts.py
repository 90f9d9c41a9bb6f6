"""Precision, recall and F1 from counts, as used for chunks, answers, mined pairs and binary classes."""


def precision_recall_f1(correct: float, predicted: float, gold: float) -> tuple[float, float, float]:
    """Precision correct / predicted, recall correct / gold, and F1 = 2 p r / (p + r), as fractions of 1.

    A ratio with denominator 0 is 0, and so is the F1 of two zeros. seqeval and the SQuAD and BUCC scorers of XTREME use
    the same definition. F1 is computed in their order of operations, so that it is equal to the last digit.
    """
    precision = correct / predicted if predicted else 0.0
    recall = correct / gold if gold else 0.0
    if not correct:
        return precision, recall, 0.0
    return precision, recall, 2 * precision * recall / (precision + recall)
