"""The vocabulary of the world: concepts, named by their English words, and the roles that they fill in an event."""

from collections.abc import Mapping

NOUNS = (
    *("lamps", "boats", "chairs", "coats", "drums", "apples", "bells", "books", "knives", "ropes", "stones", "tables"),
    *("clocks", "maps", "mirrors", "baskets", "shells", "wheels", "kettles", "ladders", "hats", "spoons", "pearls"),
    *("nets", "candles", "doors", "figs", "gloves", "hammers", "jars", "kites", "lemons", "masks", "needles"),
    *("onions", "pots", "quilts", "rings", "saws", "tents", "urns", "vases", "walnuts", "yokes", "zithers", "bricks"),
    *("combs", "dolls"),
)
VERBS = (
    *("sold", "found", "painted", "hid", "carried", "repaired", "counted", "washed", "borrowed", "lost", "bought"),
    *("measured", "threw", "wrapped", "stole", "weighed", "dropped", "lent", "polished", "broke", "traded", "burned"),
    *("fetched", "praised"),
)
ADJECTIVES = (
    *("red", "old", "tiny", "heavy", "bright", "cheap", "round", "soft", "dusty", "green", "fragile", "wet"),
    *("modern", "plain", "rusty", "sweet", "warm", "wide"),
)
TIMES = ("today", "yesterday", "often", "early", "late", "again")
NAMES = ("Mara", "Ilo", "Tessa", "Oren", "Juna", "Piet", "Sava", "Rufo", "Nele", "Dario", "Lumi", "Kasim")
PLACES = ("Vell", "Oskar", "Tarn", "Limo", "Drava", "Kesh", "Pomo", "Ruun", "Sile", "Yarro", "Asha", "Benn")
NUMBERS = ("2", "3", "4", "5", "6", "7", "8", "9")

CONCEPTS: Mapping[str, tuple[str, ...]] = {
    "agent": NAMES,
    "verb": VERBS,
    "number": NUMBERS,
    "adjective": ADJECTIVES,
    "noun": NOUNS,
    "place": PLACES,
    "time": TIMES,
}
"""Role in an event -> the concepts that can fill it."""
NUM_CLASSIFIED = 18
CLASSIFIED: Mapping[str, tuple[str, ...]] = {
    role: CONCEPTS[role][:NUM_CLASSIFIED] for role in ("noun", "verb", "adjective")
}
"""Role -> the concepts that have hidden classes: few enough to be learned from a few hundred rows."""
SHARED = ("agent", "number", "place")
"""Roles whose words (names and digits) have the same spelling in all languages."""
PROBES = ("grow", "help", "have", "hurry", "please")
"""Words that statements and questions combine with a concept. Whether the combination holds is hidden knowledge."""
FUNCTION = ("in", "not", "what", *PROBES)
"""Function words. Each language has different words for them, which are not part of its share of cognates."""
