"""FastAPI under uvicorn. The route is a plain function: in the thread pool it is faster than `async def`."""

from __future__ import annotations

from typing import Annotated

import uvicorn
from fastapi import FastAPI, File, UploadFile
from fastapi.responses import HTMLResponse
from PIL import Image

from benchmarks.serving.rivals._arguments import port
from benchmarks.serving.rivals._network import classify

app = FastAPI()


@app.get("/", response_class=HTMLResponse)
def home() -> str:
    return "<form action=/predict method=post enctype=multipart/form-data><input type=file name=image></form>"


@app.post("/predict")
def predict(image: Annotated[UploadFile, File()]) -> dict[str, float]:
    return classify(Image.open(image.file))


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=port(), log_level="critical", access_log=False)
