"""README.md of an export: what it is, and a script that asks it without headstart."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from headstart.export import client
from headstart.export.metadata import tokenizer_of, undecided
from headstart.export.written import Script
from headstart.predictors import Model

INPUTS = {
    "image": "`pixels`: uint8 (N, height, width, 3), RGB from 0 to 255, images of any one size. "
    "Resizing, cropping and normalisation are part of the graph.",
    "text": "`ids` and `mask`: int64 (N, tokens), from `tokenizer.json`.",
}
"""What goes in, by modality."""

ANSWERS = {
    "classification": '"answer": classes[outputs[1]]',
    "multilabel": '"answer": [name for name, has in zip(classes, outputs[1]) if has]',
}
"""What the script prints of an item, by task."""


def readme(
    model: Model, format: str, about: Mapping[str, str], script: Script, checked: list[str]
) -> str:
    """A page of Markdown; `checked` are sentences of the gate."""
    image = model.modality == "image"
    needs = [*script.needs, "numpy", "pillow" if image else "tokenizers"]
    item = "photo.jpg" if image else '"A text."'
    lines = [
        *(f"# {model.modality.capitalize()} {model.task} ({format})", ""),
        f"Exported by headstart, from the pretrained network `{about['backbone']}`. To use it:",
        *("", "```sh", f"pip install {' '.join(needs)}", f"python ask.py {item}", "```", ""),
        *("where `ask.py` is:", "", "```python", *lines_of(model, script), "```", ""),
        *("## Input", "", INPUTS[model.modality], ""),
        *("## Output", "", *_outputs(model), "", *_also(model)),
        *("## Checked", "", *checked, ""),
        *("## Licence of the pretrained weights", "", about["licence"], ""),
    ]
    return "\n".join(lines)


def lines_of(model: Model, script: Script) -> list[str]:
    """The script: it prints a JSON object for each item on its command line."""
    text = tokenizer_of(model)
    function: Callable[..., Any]
    if text is None:
        library, function = "from PIL import Image, ImageOps", client.pixels
        opens: tuple[str, ...] = ()
        given = '{"pixels": pixels(item)}'
    else:
        library, function = "from tokenizers import Tokenizer", client.tokens
        opens = (
            'tokenizer = Tokenizer.from_file("tokenizer.json")',
            f"tokenizer.enable_truncation({text.max_tokens})",
            f"tokenizer.enable_padding(pad_id={text.pad_id})",
        )
        given = 'dict(zip(("ids", "mask"), tokens([item], tokenizer)))'
    shares = '"probabilities": dict(zip(classes, outputs[0]))'
    said = f"{ANSWERS[model.task]}, {shares}" if model.classes else '"value": outputs[0]'
    return [
        *("import json", "import sys", "", "import numpy as np", *script.imports, library, ""),
        *_source(function),
        *("", *script.opens, *opens, "for item in sys.argv[1:]:"),
        f"    given = {given}",
        f"    outputs = [each[0].tolist() for each in {script.asks}]",
        f'    print(json.dumps({{"item": item, {said}}}))',
    ]


def _source(function: Callable[..., Any]) -> list[str]:
    """The lines of a function, without the types of its arguments."""
    _, _, *body = inspect.getsource(function).splitlines()
    return [f"def {function.__name__}({', '.join(inspect.signature(function).parameters)}):", *body]


def _also(model: Model) -> list[str]:
    return [line for each in undecided(model) for line in (each, "")]


def _outputs(model: Model) -> list[str]:
    if not model.classes:
        return ["`values`: float64 (N)."]
    several = model.task == "multilabel"
    shape = "bool (N, classes), which an item has" if several else "int64 (N), the index of a class"
    return [
        "- `probabilities`: float32 (N, classes), in the order of `classes` in the metadata.",
        f"- `answer`: {shape}{', as the model decides' if model.decision else ''}.",
    ]
