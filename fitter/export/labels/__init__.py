"""Pseudo-labels: results of fits as annotations in the layouts that other projects train and evaluate on.

manifest = export_labels(sources, LabelRequest(FORMATS["freihand"]), Path("labels"))
"""

from fitter.export.labels.export import CROP_PX, LabelRequest, check_request, export_labels
from fitter.export.labels.format import Images, LabelFormat
from fitter.export.labels.formats import FORMATS
from fitter.export.labels.gates import Gates, Verdict, judge
from fitter.export.labels.manifest import MANIFEST, Manifest
from fitter.export.labels.source import LabelSource, Origin

__all__ = [
    "CROP_PX",
    "FORMATS",
    "MANIFEST",
    "Gates",
    "Images",
    "LabelFormat",
    "LabelRequest",
    "LabelSource",
    "Manifest",
    "Origin",
    "Verdict",
    "check_request",
    "export_labels",
    "judge",
]
