"""Translators as a trial opens them: the table of kinds, and sequence-to-sequence models on the trial's device."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from transformers import (
    MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING,
    AutoConfig,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    PreTrainedTokenizerBase,
)

from sweeper.data.source import COMMIT, Sources
from sweeper.data.translate.apertium import Apertium
from sweeper.data.translate.cached import CachedTranslator
from sweeper.data.translate.identity import model_id, translator_identity
from sweeper.data.translate.interface import Translator
from sweeper.data.translate.pieces import LONGEST
from sweeper.data.translate.recorded import Recorded
from sweeper.errors import DataError, UserError, unknown
from sweeper.files.digests import digest
from sweeper.records.spec import SEMANTICS, TranslationSpec
from sweeper.space import APERTIUM, FOLDER
from sweeper.tasks.languages import NLLB
from sweeper.training.runtime import use_threads

ROWS = 32
"""Sentences of a forward pass, always as many: the last ones stand in for those that lack."""
SHORTEST = 16
"""Tokens that a sentence is padded to at least; then twice as many, and so on."""
POSITIONS = 512
"""A model's least: a sentence of LONGEST characters has no more tokens."""
THREADS = 1
"""CPU threads that a model translates with: sums depend on them."""


@dataclass(frozen=True, kw_only=True)
class Codes:
    """How a tokenizer and its model are told the two languages."""

    source: str | None = None
    """What the tokenizer calls English, if it asks."""
    first: int | None = None
    """The token that a translation begins with."""
    prefix: str = ""
    """What stands before the English sentence."""


@dataclass(frozen=True, kw_only=True)
class Seq2Seq:
    """An engine around translation models; each is loaded when its first sentence comes.

    Every pass has a shape that depends on the sentence alone (ROWS rows, a power of two of tokens), so that no
    translation depends on its neighbours.
    """

    spec: TranslationSpec
    sources: Sources
    device: torch.device
    loaded: dict[str, tuple[PreTrainedTokenizerBase, Any]] = field(default_factory=dict)

    def batches(self, sentences: Sequence[str]) -> list[list[str]]:
        """ROWS sentences each, of like length: a shorter batch is filled up when it is translated."""
        ordered = sorted(sentences, key=lambda sentence: (len(sentence), sentence))
        return [ordered[start : start + ROWS] for start in range(0, len(ordered), ROWS)]

    def translate(self, batch: Sequence[str], language: str) -> list[str]:
        """The sentences by beam search, each group of one padded length in a pass of its own."""
        tokenizer, model = self._model(language)
        codes = target_codes(tokenizer, language, self.spec.by)
        if codes.source:
            tokenizer.src_lang = codes.source
        tokens = [tokenizer(f"{codes.prefix}{sentence}")["input_ids"] for sentence in batch]
        said: dict[int, str] = {}
        for width in sorted({_width(ids) for ids in tokens}):
            numbers = [number for number, ids in enumerate(tokens) if _width(ids) == width]
            inputs = _padded([tokens[number] for number in numbers], width, int(tokenizer.pad_token_id))
            outputs = self._generate(model, inputs, codes)
            begun = 1 if codes.first is None else 2  # the decoder's start, and the language it was told
            texts = tokenizer.batch_decode(outputs[: len(numbers), begun:], skip_special_tokens=True)
            said.update(zip(numbers, (text.strip() for text in texts), strict=True))
        return [said[number] for number in range(len(batch))]

    def _generate(self, model: Any, inputs: Mapping[str, torch.Tensor], codes: Codes) -> Any:
        use_threads(THREADS)
        longest = 2 * inputs["input_ids"].shape[1] + 8
        begins = {} if codes.first is None else {"forced_bos_token_id": codes.first}
        with torch.inference_mode():
            return model.generate(
                **{name: tensor.to(self.device) for name, tensor in inputs.items()},
                **begins,
                num_beams=self.spec.num_beams,
                do_sample=False,
                max_length=None,
                max_new_tokens=min(longest, POSITIONS - 2),
            )

    def _model(self, language: str) -> tuple[PreTrainedTokenizerBase, Any]:
        place, revision = _place(self.spec, language, self.sources)
        if place not in self.loaded:
            self.loaded.clear()  # one model at a time: training wants the memory
            model = AutoModelForSeq2SeqLM.from_pretrained(
                place, revision=revision, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
            )
            self.loaded[place] = _tokenizer(place, revision), model.eval().to(self.device)
        return self.loaded[place]


def open_translator(spec: TranslationSpec, sources: Sources, device: torch.device) -> Translator:
    """The translator of a spec, with what it has translated before.

    Raises DataError if it is another one than when the sweep started.
    """
    for language, identity in zip(spec.languages, spec.identities, strict=True):
        if translator_identity(spec.by, language, _revision(identity), sources) != identity:
            raise DataError(
                f"The translator {spec.by} is not what it was when the sweep started: the same command, run again, "
                "takes the new one as one of its own."
            )
    if spec.by.startswith(FOLDER):
        return Recorded(Path(spec.by.removeprefix(FOLDER)))
    engine = Seq2Seq(spec=spec, sources=sources, device=device) if needs_device(spec) else Apertium()
    return CachedTranslator(engine, {language: _kept(spec, language, sources) for language in spec.languages})


def _kept(spec: TranslationSpec, language: str, sources: Sources) -> Path:
    """The file of a language: one for each translator, whatever else it translates into."""
    identity = spec.identities[spec.languages.index(language)]
    name = digest([SEMANTICS, identity, spec.num_beams if needs_device(spec) else None])
    return sources.cache / "translations" / name / f"{language}.jsonl"


def needs_device(spec: TranslationSpec) -> bool:
    """Whether a model translates, which is left to the trial on its own device."""
    return spec.by != APERTIUM and not spec.by.startswith(FOLDER)


def check_translator(spec: TranslationSpec, sources: Sources) -> None:
    """Raise UserError unless the translator is there and can translate into every language of the spec."""
    for language in spec.languages if needs_device(spec) else ():
        place, revision = _place(spec, language, sources)
        _check_config(place, revision)
        target_codes(_tokenizer(place, revision), language, spec.by)


def target_codes(tokenizer: PreTrainedTokenizerBase, language: str, by: str) -> Codes:
    """How English and a language are named to a model: M2M100's codes are ours, NLLB has its own, MarianMT needs none
    where it knows one language only. Raises UserError if the model does not know the language."""
    own = getattr(tokenizer, "lang_code_to_id", None)
    if own is not None:
        if language not in own:
            raise unknown(f"language of {by}", language, own)
        return Codes(source="en", first=own[language])
    if hasattr(tokenizer, "supported_language_codes"):
        return _marian_codes(tokenizer, language, by)
    if language not in NLLB:
        raise unknown("language with an NLLB code", language, NLLB)
    first = tokenizer.convert_tokens_to_ids(NLLB[language])
    if not isinstance(first, int) or first == tokenizer.unk_token_id:
        raise UserError(
            f"The tokenizer of {by} does not know {NLLB[language]!r} ({language}): a translation needs M2M100, NLLB, "
            "or a MarianMT model of that language."
        )
    return Codes(source=NLLB["en"], first=first)


def _marian_codes(tokenizer: Any, language: str, by: str) -> Codes:
    known = tokenizer.supported_language_codes
    for code in (language, NLLB.get(language, "")[:3]):
        if f">>{code}<<" in known:
            return Codes(prefix=f">>{code}<< ")
    if known:
        raise unknown(f"language of {by}", language, [code.strip("<>") for code in known])
    return Codes()


def _check_config(place: str, revision: str | None) -> None:
    try:
        config = AutoConfig.from_pretrained(place, revision=revision, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise UserError(f"The translation model {place!r} cannot be read: {str(error).splitlines()[0]}") from error
    if not config.is_encoder_decoder or type(config) not in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING:
        raise UserError(
            f"{place!r} ({config.model_type}) does not translate: a sequence-to-sequence model is needed, such as "
            "facebook/nllb-200-distilled-600M, facebook/m2m100_418M or Helsinki-NLP/opus-mt-en-de."
        )
    if config.max_position_embeddings < POSITIONS:
        raise UserError(
            f"The translation model {place!r} has {config.max_position_embeddings} positions; sentences of up to "
            f"{LONGEST} characters need {POSITIONS}."
        )


@cache
def _tokenizer(place: str, revision: str | None) -> PreTrainedTokenizerBase:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found: Any = AutoTokenizer.from_pretrained(place, revision=revision, trust_remote_code=False)
    except (OSError, ValueError, ImportError) as error:
        raise UserError(f"The tokenizer of {place!r} cannot be read: {str(error).splitlines()[0]}") from error
    if hasattr(found, "punc_normalizer") and find_spec("sacremoses") is None:
        raise UserError(
            f"The tokenizer of {place!r} (MarianMT) needs sacremoses: pip install 'transfer-sweeper[marian]'."
        )
    tokenizer: PreTrainedTokenizerBase = found
    return tokenizer


def _place(spec: TranslationSpec, language: str, sources: Sources) -> tuple[str, str | None]:
    """What `from_pretrained` is given for a language's model, and its commit where it is the Hub's."""
    identity = spec.identities[spec.languages.index(language)]
    return sources.model_location(model_id(spec.by, language)), _revision(identity)


def _revision(identity: str) -> str | None:
    return identity if COMMIT.fullmatch(identity) else None


def _width(tokens: Sequence[int]) -> int:
    """The padded length of a sentence: a power of two, SHORTEST at least."""
    return max(SHORTEST, 1 << (len(tokens) - 1).bit_length())


def _padded(rows: Sequence[Sequence[int]], width: int, pad: int) -> dict[str, torch.Tensor]:
    """ROWS rows of that width, the last one repeated as often as it takes."""
    full = [*rows, *[rows[-1]] * (ROWS - len(rows))]
    ids = torch.tensor([[*row, *[pad] * (width - len(row))] for row in full])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in full])
    return {"input_ids": ids, "attention_mask": mask}
