"""Flask as student projects have it: one file, the model in a global, one gunicorn process with threads."""

from __future__ import annotations

from flask import Flask, request
from PIL import Image

from benchmarks.serving.rivals._network import classify

app = Flask(__name__)


@app.get("/")
def home() -> str:
    return "<form action=/predict method=post enctype=multipart/form-data><input type=file name=image></form>"


@app.post("/predict")
def predict() -> dict[str, float]:
    return classify(Image.open(request.files["image"].stream))
