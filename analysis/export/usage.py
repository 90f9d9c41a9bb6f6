"""How to use an exported model with its head: its tag on the Hub, and a few lines of Python."""

from dataclasses import dataclass

ENCODER_TAG = "feature-extraction"
ENCODER_CODE = """\
from transformers import AutoModel, AutoTokenizer

encoder = AutoModel.from_pretrained("FOLDER")
tokenizer = AutoTokenizer.from_pretrained("FOLDER")"""


@dataclass(frozen=True, kw_only=True)
class Usage:
    """The use of a model with a head."""

    tag: str
    """Pipeline tag of the Hub."""
    code: str
    note: str
    """Conditions under which the code gives the predictions that were scored."""


_CHOOSE = """\
import torch
from transformers import AutoModelForMultipleChoice, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("FOLDER")
model = AutoModelForMultipleChoice.from_pretrained("FOLDER")
choices = ["The first choice.", "The second choice."]
batch = tokenizer(["The prompt."] * len(choices), choices, truncation="only_first", padding=True, return_tensors="pt")
best = model(**{name: value[None] for name, value in batch.items()}).logits.argmax()"""
_SPAN = """\
import torch
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("FOLDER")
model = AutoModelForQuestionAnswering.from_pretrained("FOLDER")
question, context = "Who wrote it?", "Ada wrote it."
batch = tokenizer(question, context, truncation="only_second", return_offsets_mapping=True, return_tensors="pt")
offsets = batch.pop("offset_mapping")[0]
output = model(**batch)
sums = output.start_logits[0][:, None] + output.end_logits[0][None, :]
inside = torch.tensor([sequence == 1 for sequence in batch.sequence_ids()])
valid = (inside[:, None] & inside[None, :]).triu().tril(29)  # at most 30 tokens
first, last = divmod(int(sums.masked_fill(~valid, float("-inf")).argmax()), len(sums))
answer = context[offsets[first][0] : offsets[last][1]]"""

USAGES = {
    "classify": Usage(
        tag="text-classification",
        code='from transformers import pipeline\n\nclassify = pipeline("text-classification", model="FOLDER")\n'
        'classify({"text": "The text.", "text_pair": "The second text of a pair, if there is one."}, truncation=True)',
        note="`truncation=True` cuts a long text at {max_length} tokens, as in the training.",
    ),
    "tag": Usage(
        tag="token-classification",
        code='from transformers import pipeline\n\ntag = pipeline("token-classification", model="FOLDER", '
        'ignore_labels=[])\n[tokens] = tag([["The", "words", "of", "a", "sentence"]], is_split_into_words=True)',
        note="The tag of a word is that of its first token. The pipeline cuts sentences of more than {max_length} "
        "tokens, and the scores are for all words, which were read in several windows. If the tokenizer attaches the "
        "space to the next word (byte-level BPE, Gemma), pass the sentence as one text: words that are passed "
        "separately have no spaces and get other tokens than in the training.",
    ),
    "span": Usage(
        tag="question-answering",
        code=_SPAN,
        note="Contexts of more than {max_length} tokens were read in windows that share {stride} tokens "
        "(`return_overflowing_tokens=True`), and the answer is the span with the highest sum over all windows. "
        "Questions were cut at 64 tokens.",
    ),
    "choose": Usage(
        tag="multiple-choice",
        code=_CHOOSE,
        note="Prompt and choice have at most {max_length} tokens together; the end of the prompt is cut.",
    ),
    "mlm": Usage(
        tag="fill-mask",
        code='from transformers import pipeline\n\nfill = pipeline("fill-mask", model="FOLDER")',
        note="Texts have at most {max_length} tokens.",
    ),
}
"""Format of a task -> the use of a model that was trained on it."""
