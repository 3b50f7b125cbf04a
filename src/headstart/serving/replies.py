"""Answers as JSON: those of `headstart predict --json`, item for item."""

import base64
import io
import json
from typing import TYPE_CHECKING

from starlette.responses import Response

from headstart.explanations.drawing import overlay
from headstart.explanations.explaining import Unexplained
from headstart.explanations.explanation import ImageExplanation
from headstart.explanations.folder import as_json as explanation_as_json
from headstart.report.rows import as_json, rows
from headstart.types import JsonObject

if TYPE_CHECKING:
    from headstart.explanations import Explanation
    from headstart.serving.served import Answered

UNANSWERED = 422


def reply(content: object, status: int = 200) -> Response:
    """A JSON response; signs that are no Unicode text, such as half a surrogate pair, are escaped.

    NaN is none of JSON's, and a fault here.
    """
    raw = json.dumps(content, allow_nan=False).encode("ascii")
    return Response(raw, status, media_type="application/json")


def refusal(sentence: str, status: int) -> Response:
    """Why there is no answer."""
    return reply({"error": sentence}, status)


def predictions(name: str, answered: "Answered", top: int | None) -> JsonObject:
    """The answer to `/predict`: a row for each item in its place, with its error where it has one.

    Raises:
        InputError: `top` of a model that predicts numbers.
    """
    found = answered.predictions
    listed = [as_json(row, top) for row in rows(found, top)]
    said: JsonObject = {
        "model": name,
        "version": answered.by.version,
        "task": found.task,
        "classes": list(found.classes),
        "predictions": listed,  # type: ignore[dict-item]
        "warnings": list(answered.warnings),
    }
    if answered.explanations:
        said["explanations"] = [_explanation(each) for each in answered.explanations]
    return said


def status_of(answered: "Answered") -> int:
    """200 where any item has an answer."""
    errors = answered.predictions.errors
    return UNANSWERED if errors and all(errors) else 200


def _explanation(explanation: "Explanation | Unexplained") -> JsonObject:
    image = None
    if isinstance(explanation, ImageExplanation):
        drawn = io.BytesIO()
        overlay(explanation).save(drawn, "PNG")
        image = "data:image/png;base64," + base64.b64encode(drawn.getvalue()).decode("ascii")
    return explanation_as_json(explanation, image)
