"""How a hand's pixels are read, decided once for all of its clip: windows that decided for themselves would not join.

decided = refine_by_pixels(scene, evidence, source, plan).decided
evidence = decided.levelled(evidence, stage.name)
"""

from dataclasses import dataclass, replace

from fitter.observe.evidence import Evidence
from fitter.observe.grabcut import ColourModel

RESULT = "result"  # what `levels` calls the result beside the stages


@dataclass(frozen=True)
class Decided:
    """What the frames that decide for the others came to.

    colours   of hand and background, by which masks are made; None where they are given, or colours do not tell
    levels    brightness that differences of colour count relative to (`Pictures.level`), by stage and of the RESULT
    undone    None, or the sentence that says why the pixels are not believed
    """

    colours: ColourModel | None
    levels: dict[str, float]
    undone: str | None = None

    def levelled(self, evidence: Evidence, stage: str) -> Evidence:
        """The evidence with its pictures at the stage's level."""
        assert evidence.pictures is not None
        level = evidence.pictures.level.new_tensor(self.levels[stage])
        return replace(evidence, pictures=replace(evidence.pictures, level=level))
