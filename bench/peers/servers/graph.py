"""What the servers of other tools are put around: an export of headstart, asked as its README says.

Run by the python of their environment, where there is no headstart.
"""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from PIL import Image


class Graph:
    """The network of an export to OpenVINO, on one thread, for one worker.

    Args:
        folder: the export.
    """

    def __init__(self, folder: Path) -> None:
        network = openvino.Core().read_model(folder / "model.xml")
        self.classes = json.loads(network.get_rt_info("classes").value)
        settings = {"NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": 1}
        self.network = openvino.compile_model(network, "CPU", settings)
        self.tokenizer = None
        if (folder / "tokenizer.json").is_file():
            from tokenizers import Tokenizer

            self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self.tokenizer.enable_truncation(256)

    def inputs(self, item: str | Image.Image) -> tuple[np.ndarray, ...]:
        """Of a text, or of an image."""
        if self.tokenizer is None:
            return (np.asarray(item.convert("RGB"))[None],)
        found = self.tokenizer.encode(item)
        return np.array([found.ids], np.int64), np.array([found.attention_mask], np.int64)

    def answer(self, inputs: tuple[np.ndarray, ...]) -> dict[str, Any]:
        """The class and all probabilities."""
        probabilities, answer = (each[0].tolist() for each in self.network(inputs).values())
        return {
            "label": self.classes[answer],
            "probabilities": dict(zip(self.classes, probabilities, strict=True)),
        }


def decoded(content: str) -> Image.Image:
    """An image that a request holds in base64."""
    return Image.open(io.BytesIO(base64.b64decode(content)))
