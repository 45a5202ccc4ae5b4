"""ONNX Runtime, kept from calling home: since 1.29 its Linux wheels report which models run to their maker, unless this
variable is set before the first import (its pull request 27379). A portal with patients' images reports to nobody.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime as ort

__all__ = ["ort"]
