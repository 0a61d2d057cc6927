"""All readers that are fuzzed, by name."""

from tests.fuzz import footage, models, observations, products
from tests.fuzz.target import Target

TARGETS: dict[str, Target] = {
    target.name: target for target in (*footage.TARGETS, *observations.TARGETS, *products.TARGETS, *models.TARGETS)
}
