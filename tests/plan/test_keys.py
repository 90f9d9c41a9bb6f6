"""The keys of the shipped spaces: results of earlier versions stay valid only while these digests are the same."""

import pytest

from search_spaces.load import load_space
from sweeper.files.digests import digest
from sweeper.plan.resolve import Resolver
from sweeper.plan.specs import Specs
from sweeper.plan.units import make_plan
from sweeper.records.spec import score_key

DIGESTS = {
    "demo_full": "6cc5e2bf20a511ea0368",
    "demo_recovery": "c2a6ee77abec08d16362",
    "text_rows": "484ad1556fecc1c295ee",
    "text_small": "f7368914b4c8948c1686",
    "tiny": "c1723995914fd8e02f69",
    "xtreme": "f50fb1252f36b3e15c61",
    "xtreme_r": "f01c96f22a545c73617d",
}
"""Space -> digest of the keys of one replicate of each unit.

A change of a space changes its own digest. If a change of code changes all digests, every existing ledger becomes
worthless: that needs a reason, and a line in the change log.
"""


def keys(name: str) -> dict[str, list[str]]:
    """Trial -> its training key, its study key and its score keys, without the identities of data and models."""
    space = load_space(name)
    plan = make_plan(space)
    specs = Specs(plan=plan, resolver=Resolver(space=space, sources=None))
    keys = {}
    for unit in plan.units:
        seed = plan.seeds(unit)[0]
        chain = tuple(specs.stage(unit, stage, stage.training, seed) for stage in unit.stages)
        spec = specs.replicate(unit, seed, None, chain if unit.kind == "score" else chain[:-1])
        keys[spec.name] = [spec.key, spec.study, *(score_key(spec.key, score) for score in spec.scores)]
    return keys


@pytest.mark.parametrize("name", DIGESTS)
def test_the_keys_of_a_shipped_space_are_those_of_earlier_versions(name: str) -> None:
    assert digest(keys(name)) == DIGESTS[name]
