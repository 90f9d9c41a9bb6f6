"""A tiny fast tokenizer of the type of XLM-R (Unigram, Metaspace, <s> </s>), trained on a few lines of text."""

from functools import cache
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.models import Unigram
from tokenizers.pre_tokenizers import Metaspace
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import UnigramTrainer
from transformers import PreTrainedTokenizerFast

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
LINES = (
    "The river Aller flows through the old town of Verden in the north of Germany.",
    "Who founded the town, and when was it founded? It was founded in 782 by Charles.",
    "In the year 1648 the duchy came to Sweden; the bridge over the river was built later.",
    "Der Fluss fließt durch die alte Stadt. Wer hat die Stadt gegründet?",
    "Река течёт через старый город. Кто основал город?",
    "النهر يجري عبر المدينة القديمة. من أسس المدينة؟",
    "这条河流经古城。谁建立了这座城市？",
)


def tiny_tokenizer(*, segments: bool = False, vocabulary: int = 320) -> PreTrainedTokenizerFast:
    """A Unigram tokenizer with at most `vocabulary` pieces. With `segments` it makes token type ids as BERT's does."""
    tokenizer = Tokenizer.from_str(_trained(vocabulary))
    second = 1 if segments else 0
    tokenizer.post_processor = TemplateProcessing(
        single="<s>:0 $A:0 </s>:0",
        pair=f"<s>:0 $A:0 </s>:0 </s>:{second} $B:{second} </s>:{second}",
        special_tokens=[("<s>", SPECIAL.index("<s>")), ("</s>", SPECIAL.index("</s>"))],
    )
    names = ["input_ids", "attention_mask", *(["token_type_ids"] if segments else [])]
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        cls_token="<s>",
        eos_token="</s>",
        sep_token="</s>",
        unk_token="<unk>",
        pad_token="<pad>",
        mask_token="<mask>",
        model_input_names=names,
    )


@cache
def _trained(vocabulary: int) -> str:
    """The tokenizer as JSON. Cached, because the order of pieces with equal scores differs between trainings."""
    tokenizer = Tokenizer(Unigram())
    tokenizer.pre_tokenizer = Metaspace()
    trainer = UnigramTrainer(
        vocab_size=vocabulary, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False, max_piece_length=6
    )
    tokenizer.train_from_iterator(LINES, trainer)
    return str(tokenizer.to_str())


def save_tiny_encoder(folder: Path) -> None:
    """Write a tiny encoder with random weights and its tokenizer to a folder that `from_pretrained` can read."""
    import torch
    from transformers import AutoModel, XLMRobertaConfig

    tokenizer = tiny_tokenizer()
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    torch.manual_seed(0)
    config = XLMRobertaConfig(vocab_size=len(tokenizer), max_position_embeddings=40, pad_token_id=1, **sizes)
    AutoModel.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
