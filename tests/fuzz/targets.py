"""All readers that are fuzzed, by name."""

from tests.fuzz import cameras, footage, models, observations, products
from tests.fuzz.target import Target

MODULES = (footage, observations, cameras, products, models)
TARGETS: dict[str, Target] = {target.name: target for module in MODULES for target in module.TARGETS}
