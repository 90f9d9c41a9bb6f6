"""Tiny data set repositories in the layout of a download from the Hub, and a tiny fast tokenizer."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import datasets
import pytest
import yaml
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from sweeper.data.source import Sources

Columns = Mapping[str, list[Any]]
Splits = Mapping[str, Columns]
Write = Callable[..., None]

WORDS = (*"abcdefghijklmnop", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
SPECIAL = ("<s>", "</s>", "<pad>", "<unk>", "<mask>")


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    return Sources(mirror=tmp_path / "mirror", cache=tmp_path / "cache")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A function that writes `datasets/ID` of the mirror: config -> split -> columns, and features of label columns."""

    def repository(id_: str, configs: Mapping[str, Splits], features: Mapping[str, Any] | None = None) -> None:
        folder = tmp_path / "mirror" / "datasets" / id_
        entries = []
        infos = []
        for config, splits in configs.items():
            files = []
            for split, columns in splits.items():
                table = datasets.Dataset.from_dict(dict(columns))
                for column, feature in (features or {}).items():
                    table = table.cast_column(column, feature)
                path = folder / config / f"{split}.parquet"
                path.parent.mkdir(parents=True, exist_ok=True)
                table.to_parquet(path)
                files.append({"split": split, "path": f"{config}/{split}.parquet"})
            infos.append({"config_name": config, "features": table.features._to_yaml_list()})
            entries.append({"config_name": config, "data_files": files})
        card = yaml.safe_dump({"dataset_info": infos, "configs": entries}, sort_keys=False)
        (folder / "README.md").write_text(f"---\n{card}---\n", encoding="utf-8")

    return repository


@pytest.fixture
def tokenizer() -> PreTrainedTokenizerFast:
    vocabulary = {word: number for number, word in enumerate((*SPECIAL, *WORDS))}
    backend = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    backend.pre_tokenizer = Whitespace()
    backend.post_processor = TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
    )
