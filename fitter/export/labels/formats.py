"""All formats by name; a new one is a file with a `FORMAT` and a line here.

FORMATS["ho3d"].data_set                                # HO-3D
"""

from fitter.export.labels import coco_wholebody, freihand, hamer, ho3d, interhand, npz
from fitter.export.labels.format import LabelFormat

FORMATS: dict[str, LabelFormat] = {
    module.FORMAT.name: module.FORMAT for module in (freihand, ho3d, interhand, coco_wholebody, hamer, npz)
}
