"""Gradio: an image in, a label out, as its guide begins."""

from __future__ import annotations

import gradio

from benchmarks.serving.rivals._arguments import port
from benchmarks.serving.rivals._network import classify

if __name__ == "__main__":
    page = gradio.Interface(classify, gradio.Image(type="pil"), gradio.Label(), api_name="predict")
    page.launch(server_name="127.0.0.1", server_port=port(), quiet=True)
