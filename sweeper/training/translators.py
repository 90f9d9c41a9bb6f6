"""Opening and checking translators, and translation with sequence-to-sequence models on the device of a trial."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
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

from sweeper.data.hub import COMMIT
from sweeper.data.once import pretrained
from sweeper.data.source import Sources
from sweeper.data.translate.apertium import Apertium
from sweeper.data.translate.cached import CachedTranslator
from sweeper.data.translate.identity import model_id, translator_identity
from sweeper.data.translate.interface import Translator
from sweeper.data.translate.pieces import LONGEST
from sweeper.data.translate.recorded import Recorded
from sweeper.errors import DataError, UserError, unknown
from sweeper.files.digests import digest
from sweeper.records.spec import SEMANTICS, PerturbationSpec, TranslationSpec
from sweeper.space import APERTIUM, FOLDER
from sweeper.tasks.languages import NLLB
from sweeper.training.runtime import use_threads

BATCH_ROWS = 32
"""Rows in each forward pass. A smaller batch is filled with copies of its last sentence."""
MIN_WIDTH = 16
"""Minimum padded length of a sentence in tokens. Larger lengths are powers of two."""
POSITIONS = 512
"""Minimum number of positions of a model. A sentence of at most LONGEST characters has no more tokens."""
NUM_BEAMS = 4
"""Width of the beam search of paraphrases."""
THREADS = 1
"""CPU threads of a translation. The number is fixed because the rounding of sums depends on it."""


Models = dict[str, tuple[PreTrainedTokenizerBase, Any]]
"""Location -> tokenizer and model."""


@dataclass(frozen=True, kw_only=True)
class Codes:
    """Settings of a tokenizer and its model for the source and the target language."""

    source: str | None = None
    """The tokenizer's code of the language of the texts, if it has one."""
    first: int | None = None
    """Id of the target language's token, with which a translation begins."""
    prefix: str = ""
    """Text in front of a sentence."""


@dataclass(frozen=True, kw_only=True)
class Seq2Seq:
    """A translation engine for sequence-to-sequence models. A model is loaded when it is used for the first time.

    The shape of a forward pass depends on the sentence alone (BATCH_ROWS rows, a power of two of tokens). A different
    shape could change the rounding, and a translation would then depend on the other sentences of its batch.
    """

    spec: TranslationSpec
    sources: Sources
    device: torch.device
    loaded: Models = field(default_factory=dict)
    """At most one model. Engines may share it."""

    def batches(self, sentences: Sequence[str]) -> list[list[str]]:
        """Groups of at most BATCH_ROWS sentences with similar lengths."""
        ordered = sorted(sentences, key=lambda sentence: (len(sentence), sentence))
        return [ordered[start : start + BATCH_ROWS] for start in range(0, len(ordered), BATCH_ROWS)]

    def translate(self, batch: Sequence[str], language: str) -> list[str]:
        """Translate sentences by beam search. Sentences of equal padded length share a forward pass."""
        tokenizer, model = self._model(language)
        codes = target_codes(tokenizer, language, self.spec.by, self.spec.source)
        if codes.source:
            tokenizer.src_lang = codes.source
        tokens = [tokenizer(f"{codes.prefix}{sentence}")["input_ids"] for sentence in batch]
        translations: dict[int, str] = {}
        for width in sorted({_width(ids) for ids in tokens}):
            numbers = [number for number, ids in enumerate(tokens) if _width(ids) == width]
            inputs = _padded([tokens[number] for number in numbers], width, int(tokenizer.pad_token_id))
            outputs = self._generate(model, inputs, codes)
            prefix = 1 if codes.first is None else 2  # the decoder's start token, and the language token
            texts = tokenizer.batch_decode(outputs[: len(numbers), prefix:], skip_special_tokens=True)
            translations.update(zip(numbers, (text.strip() for text in texts), strict=True))
        return [translations[number] for number in range(len(batch))]

    def _generate(self, model: Any, inputs: Mapping[str, torch.Tensor], codes: Codes) -> Any:
        """Token ids of the translations, (BATCH_ROWS, longest)."""
        use_threads(THREADS)
        longest = 2 * inputs["input_ids"].shape[1] + 8  # stops a model that repeats itself
        first_token = {} if codes.first is None else {"forced_bos_token_id": codes.first}
        with torch.inference_mode():
            return model.generate(
                **{name: tensor.to(self.device) for name, tensor in inputs.items()},
                **first_token,
                num_beams=self.spec.num_beams,
                do_sample=False,
                max_length=None,
                max_new_tokens=min(longest, POSITIONS - 2),
            )

    def _model(self, language: str) -> tuple[PreTrainedTokenizerBase, Any]:
        location, revision = _location(self.spec, language, self.sources)
        if location not in self.loaded:
            self.loaded.clear()  # one model at a time: training needs the memory
            model: Any = pretrained(
                AutoModelForSeq2SeqLM.from_pretrained,
                location,
                revision,
                dtype=torch.float32,
                use_safetensors=True,
                trust_remote_code=False,
            )
            self.loaded[location] = _tokenizer(location, revision), model.eval().to(self.device)
        return self.loaded[location]


def round_trip_specs(spec: PerturbationSpec, language: str) -> tuple[TranslationSpec, TranslationSpec]:
    """The translations of a paraphrase: from the language of its texts into another one, and back."""
    pivot = spec.source or "en"
    there = TranslationSpec(
        languages=(pivot,),
        share=1.0,
        num_beams=NUM_BEAMS,
        by=spec.by,
        identities=(spec.source_identity,),
        source=language,
    )
    return there, replace(there, languages=(language,), source=pivot)


def open_translator(
    spec: TranslationSpec, sources: Sources, device: torch.device, models: Models | None = None
) -> Translator:
    """The translator of a spec, with the cache of its earlier translations. `models` are loaded models to share.

    Raises DataError if the translator has changed since the sweep started.
    """
    for language, identity in zip(spec.languages, spec.identities, strict=True):
        if translator_identity(spec.by, language, _revision(identity), sources) != identity:
            raise DataError(
                f"The translator {spec.by} has changed since the sweep started. Run the same command again: it treats "
                "the new one as a different translator."
            )
    if spec.by.startswith(FOLDER):
        return Recorded(Path(spec.by.removeprefix(FOLDER)))
    loaded = {} if models is None else models
    engine = Seq2Seq(spec=spec, sources=sources, device=device, loaded=loaded) if needs_device(spec) else Apertium()
    paths = {language: _cache_file(spec, language, sources) for language in spec.languages}
    return CachedTranslator(engine, paths, sources.shared)


def _cache_file(spec: TranslationSpec, language: str, sources: Sources) -> Path:
    """The cache file of a language. It does not depend on the other languages of the spec, which may change."""
    identity = spec.identities[spec.languages.index(language)]
    source = [] if spec.source == "en" else [spec.source]
    name = digest([SEMANTICS, identity, spec.num_beams if needs_device(spec) else None, *source])
    return sources.cache / "translations" / name / f"{language}.jsonl"


def needs_device(spec: TranslationSpec) -> bool:
    """Whether the translator is a model. A model runs in the trial on its device, other translators on the driver."""
    return spec.by != APERTIUM and not spec.by.startswith(FOLDER)


def check_translator(spec: TranslationSpec, sources: Sources) -> None:
    """Raise UserError if a translation model is missing, unsuitable, or does not support a language of the spec."""
    for language in spec.languages if needs_device(spec) else ():
        location, revision = _location(spec, language, sources)
        _check_config(location, revision)
        target_codes(_tokenizer(location, revision), language, spec.by, spec.source)


def target_codes(tokenizer: PreTrainedTokenizerBase, language: str, by: str, source: str = "en") -> Codes:
    """The codes of a source and of a target language for a model.

    M2M100 uses the same codes as this project, NLLB uses different ones. MarianMT needs a code only if the model has
    several target languages. Raises UserError if the model does not support the languages.
    """
    m2m100_ids = getattr(tokenizer, "lang_code_to_id", None)
    if m2m100_ids is not None:
        for name in (language, source):
            if name not in m2m100_ids:
                raise unknown(f"language of {by}", name, m2m100_ids)
        return Codes(source=source, first=m2m100_ids[language])
    if hasattr(tokenizer, "supported_language_codes"):
        if source != "en" or language == "en":
            raise UserError(
                f"{by} (MarianMT) translates in one direction. Use M2M100, NLLB, or a folder with translations in both."
            )
        return _marian_codes(tokenizer, language, by)
    for name in (language, source):
        if name not in NLLB:
            raise unknown("language with an NLLB code", name, NLLB)
    first = tokenizer.convert_tokens_to_ids(NLLB[language])
    if not isinstance(first, int) or first == tokenizer.unk_token_id:
        raise UserError(
            f"The tokenizer of {by} has no token {NLLB[language]!r} for {language!r}: use M2M100, NLLB, or a MarianMT "
            "model of that language."
        )
    return Codes(source=NLLB[source], first=first)


def _marian_codes(tokenizer: Any, language: str, by: str) -> Codes:
    supported = tokenizer.supported_language_codes
    # MarianMT models use codes of two or three letters. The three-letter code is the start of NLLB's (`deu_Latn`).
    for code in (language, NLLB.get(language, "")[:3]):
        if f">>{code}<<" in supported:
            return Codes(prefix=f">>{code}<< ")
    if supported:
        raise unknown(f"language of {by}", language, [code.strip("<>") for code in supported])
    return Codes()


def _check_config(location: str, revision: str | None) -> None:
    """Raise UserError if a model cannot be read, does not translate, or has too few positions."""
    try:
        config = pretrained(AutoConfig.from_pretrained, location, revision, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise UserError(f"The translation model {location!r} cannot be read: {str(error).splitlines()[0]}") from error
    if not config.is_encoder_decoder or type(config) not in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING:
        raise UserError(
            f"{location!r} ({config.model_type}) does not translate: use a sequence-to-sequence model such as "
            "facebook/nllb-200-distilled-600M, facebook/m2m100_418M or Helsinki-NLP/opus-mt-en-de."
        )
    if config.max_position_embeddings < POSITIONS:
        raise UserError(
            f"The translation model {location!r} has {config.max_position_embeddings} positions; sentences of up to "
            f"{LONGEST} characters need {POSITIONS}."
        )


@cache
def _tokenizer(location: str, revision: str | None) -> PreTrainedTokenizerBase:
    """The tokenizer of a translation model. Raises UserError if it cannot be read or needs a missing package."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # MarianMT's tokenizer warns if sacremoses is missing; see below
            loaded: Any = pretrained(AutoTokenizer.from_pretrained, location, revision, trust_remote_code=False)
    except (OSError, ValueError, ImportError) as error:
        raise UserError(f"The tokenizer of {location!r} cannot be read: {str(error).splitlines()[0]}") from error
    # Without sacremoses the tokenizer silently skips the normalisation of punctuation.
    if hasattr(loaded, "punc_normalizer") and find_spec("sacremoses") is None:
        raise UserError(
            f"The tokenizer of {location!r} (MarianMT) needs sacremoses: pip install 'transfer-sweeper[marian]'."
        )
    tokenizer: PreTrainedTokenizerBase = loaded
    return tokenizer


def _location(spec: TranslationSpec, language: str, sources: Sources) -> tuple[str, str | None]:
    """Hub id or folder of the model for a language, and its Hub commit (None for a folder)."""
    identity = spec.identities[spec.languages.index(language)]
    return sources.model_location(model_id(spec.by, language)), _revision(identity)


def _revision(identity: str) -> str | None:
    return identity if COMMIT.fullmatch(identity) else None


def _width(tokens: Sequence[int]) -> int:
    """The padded length of a sentence: a power of two, at least MIN_WIDTH."""
    return max(MIN_WIDTH, 1 << (len(tokens) - 1).bit_length())


def _padded(rows: Sequence[Sequence[int]], width: int, pad: int) -> dict[str, torch.Tensor]:
    """Model inputs (BATCH_ROWS, width). Missing rows are copies of the last one."""
    full = [*rows, *[rows[-1]] * (BATCH_ROWS - len(rows))]
    ids = torch.tensor([[*row, *[pad] * (width - len(row))] for row in full])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in full])
    return {"input_ids": ids, "attention_mask": mask}
