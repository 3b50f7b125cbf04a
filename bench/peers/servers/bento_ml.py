"""BentoML as its documentation has it: `bentoml serve bento_ml:Service --port PORT`.

The export is in `EXPORT`, the number of workers in `WORKERS`.
"""

import os
from pathlib import Path

import bentoml
from graph import Graph, decoded


@bentoml.service(workers=int(os.environ["WORKERS"]))
class Service:
    """A request is JSON with `text`, or with `image` in base64."""

    def __init__(self) -> None:
        self.graph = Graph(Path(os.environ["EXPORT"]))

    @bentoml.api
    def predict(self, text: str = "", image: str = "") -> dict:
        return self.graph.answer(self.graph.inputs(decoded(image) if image else text))
