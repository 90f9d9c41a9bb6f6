"""The languages of XTREME and XTREME-R: codes in data sets that do not use two letters, families and scripts."""

from collections.abc import Mapping


def _codes(text: str) -> tuple[str, ...]:
    return tuple(text.split())


PANX = _codes(
    "af ar bg bn de el en es et eu fa fi fr he hi hu id it ja jv ka kk ko ml mr ms my nl pt ru sw ta te th tl tr ur vi "
    "yo zh"
)
"""The 40 languages of XTREME, which are those of PAN-X."""

XNLI = _codes("ar bg de el en es fr hi ru sw th tr ur vi zh")
PAWSX = _codes("de en es fr ja ko zh")
XQUAD = _codes("ar de el en es hi ru th tr vi zh")
MLQA = _codes("ar de en es hi vi zh")
BUCC = _codes("de fr ru zh")
PLAIN_TEXT = _codes("ar bg de el en es fi fr hi id it ja ko nl pt ru sw ta te th tr ur vi zh")
"""The languages of the plain text for masked language modelling."""

PANX_ADDED = _codes("az gu lt pa pl qu ro uk")
"""Languages that XTREME-R adds to PAN-X, 48 in total."""
XCOPA = _codes("et ht id it qu sw ta th tr vi zh")
MEWSLIX = _codes("ar de en es fa ja pl ro ta tr uk")

TREEBANK: Mapping[str, str] = {
    "af": "Afrikaans",
    "ar": "Arabic",
    "bg": "Bulgarian",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "et": "Estonian",
    "eu": "Basque",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "he": "Hebrew",
    "hi": "Hindi",
    "hu": "Hungarian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "kk": "Kazakh",
    "ko": "Korean",
    "mr": "Marathi",
    "nl": "Dutch",
    "pt": "Portuguese",
    "ru": "Russian",
    "ta": "Tamil",
    "te": "Telugu",
    "th": "Thai",
    "tl": "Tagalog",
    "tr": "Turkish",
    "ur": "Urdu",
    "vi": "Vietnamese",
    "yo": "Yoruba",
    "zh": "Chinese",
}
"""The 33 languages of XTREME's part-of-speech task -> names of their Universal Dependencies treebanks."""

TREEBANK_R = (*TREEBANK, *_codes("lt pl ro uk wo"))
"""The 38 languages of XTREME-R's part-of-speech task."""

WITHOUT_TRAIN = frozenset({"th", "tl", "yo"})
"""Languages whose treebank has only a test split."""
WITHOUT_DEV = WITHOUT_TRAIN | {"kk"}
"""Languages whose treebank has no dev split."""

ISO3: Mapping[str, str] = {
    "af": "afr",
    "ar": "ara",
    "bg": "bul",
    "bn": "ben",
    "de": "deu",
    "el": "ell",
    "es": "spa",
    "et": "est",
    "eu": "eus",
    "fa": "pes",
    "fi": "fin",
    "fr": "fra",
    "he": "heb",
    "hi": "hin",
    "hu": "hun",
    "id": "ind",
    "it": "ita",
    "ja": "jpn",
    "jv": "jav",
    "ka": "kat",
    "kk": "kaz",
    "ko": "kor",
    "ml": "mal",
    "mr": "mar",
    "nl": "nld",
    "pt": "por",
    "ru": "rus",
    "sw": "swh",
    "ta": "tam",
    "te": "tel",
    "th": "tha",
    "tl": "tgl",
    "tr": "tur",
    "ur": "urd",
    "vi": "vie",
    "zh": "cmn",
}
"""The 36 languages that XTREME pairs with English in Tatoeba -> ISO 639-3 codes."""

ISO3_ADDED: Mapping[str, str] = {"az": "aze", "lt": "lit", "pl": "pol", "ro": "ron", "uk": "ukr"}
"""Languages that XTREME-R adds to Tatoeba, 41 in total -> ISO 639-3 codes."""

TYDIQA: Mapping[str, str] = {
    "ar": "arabic",
    "bn": "bengali",
    "en": "english",
    "fi": "finnish",
    "id": "indonesian",
    "ko": "korean",
    "ru": "russian",
    "sw": "swahili",
    "te": "telugu",
}
"""Language -> prefix of the ids of TyDiQA's examples."""

NLLB: Mapping[str, str] = {
    "af": "afr_Latn",
    "ar": "arb_Arab",
    "az": "azj_Latn",
    "bg": "bul_Cyrl",
    "bn": "ben_Beng",
    "ca": "cat_Latn",
    "de": "deu_Latn",
    "el": "ell_Grek",
    "en": "eng_Latn",
    "eo": "epo_Latn",
    "es": "spa_Latn",
    "et": "est_Latn",
    "eu": "eus_Latn",
    "fa": "pes_Arab",
    "fi": "fin_Latn",
    "fr": "fra_Latn",
    "gl": "glg_Latn",
    "gu": "guj_Gujr",
    "he": "heb_Hebr",
    "hi": "hin_Deva",
    "ht": "hat_Latn",
    "hu": "hun_Latn",
    "id": "ind_Latn",
    "it": "ita_Latn",
    "ja": "jpn_Jpan",
    "jv": "jav_Latn",
    "ka": "kat_Geor",
    "kk": "kaz_Cyrl",
    "ko": "kor_Hang",
    "lt": "lit_Latn",
    "ml": "mal_Mlym",
    "mr": "mar_Deva",
    "ms": "zsm_Latn",
    "my": "mya_Mymr",
    "nl": "nld_Latn",
    "pa": "pan_Guru",
    "pl": "pol_Latn",
    "pt": "por_Latn",
    "qu": "quy_Latn",
    "ro": "ron_Latn",
    "ru": "rus_Cyrl",
    "sw": "swh_Latn",
    "ta": "tam_Taml",
    "te": "tel_Telu",
    "th": "tha_Thai",
    "tl": "tgl_Latn",
    "tr": "tur_Latn",
    "uk": "ukr_Cyrl",
    "ur": "urd_Arab",
    "vi": "vie_Latn",
    "wo": "wol_Latn",
    "yo": "yor_Latn",
    "zh": "zho_Hans",
}
"""All languages of XTREME and XTREME-R, and a few more -> codes of NLLB-200."""

ISO_639_3: Mapping[str, str] = {**{code: name[:3] for code, name in NLLB.items()}, **ISO3, **ISO3_ADDED}
"""Every language of this module -> its ISO 639-3 code, that of Tatoeba if it has one."""

_SCRIPT_NAMES: Mapping[str, str] = {
    "Arab": "Arabic",
    "Beng": "Bengali",
    "Cyrl": "Cyrillic",
    "Deva": "Devanagari",
    "Geor": "Georgian",
    "Grek": "Greek",
    "Gujr": "Gujarati",
    "Guru": "Gurmukhi",
    "Hang": "Hangul",
    "Hans": "Han",
    "Hebr": "Hebrew",
    "Jpan": "Japanese",
    "Latn": "Latin",
    "Mlym": "Malayalam",
    "Mymr": "Burmese",
    "Taml": "Tamil",
    "Telu": "Telugu",
    "Thai": "Thai",
}
SCRIPTS: Mapping[str, str] = {code: _SCRIPT_NAMES[name[4:]] for code, name in NLLB.items()}
"""Every language of this module -> the script in which the benchmarks write it."""

FAMILIES: Mapping[str, str] = {
    code: family
    for family, codes in {
        "Afro-Asiatic": "ar he",
        "Austro-Asiatic": "vi",
        "Austronesian": "id jv ms tl",
        "Basque": "eu",
        "Constructed": "eo",
        "Dravidian": "ml ta te",
        "French creole": "ht",
        "Indo-European: Baltic": "lt",
        "Indo-European: Germanic": "af de en nl",
        "Indo-European: Greek": "el",
        "Indo-European: Indo-Aryan": "bn gu hi mr pa ur",
        "Indo-European: Iranian": "fa",
        "Indo-European: Romance": "ca es fr gl it pt ro",
        "Indo-European: Slavic": "bg pl ru uk",
        "Japonic": "ja",
        "Kartvelian": "ka",
        "Koreanic": "ko",
        "Kra-Dai": "th",
        "Niger-Congo": "sw wo yo",
        "Quechuan": "qu",
        "Sino-Tibetan": "my zh",
        "Turkic": "az kk tr",
        "Uralic": "et fi hu",
    }.items()
    for code in _codes(codes)
}
"""Every language of this module -> its family, and the branch of an Indo-European language (Hu et al. 2020, Ruder et
al. 2021)."""
