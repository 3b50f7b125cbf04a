"""The application: which address answers what."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated

from fastapi import FastAPI, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from headstart.installed import version_of
from headstart.serving import items, pages, tensors
from headstart.serving.guard import Guard, State
from headstart.serving.intake import Intake
from headstart.serving.meters import Meters
from headstart.serving.refusal import Refused
from headstart.serving.replies import predictions, refusal, reply, status_of
from headstart.serving.served import Served
from headstart.spec import ServeSpec
from headstart.wording import shown, some

Lifespan = AbstractAsyncContextManager[Mapping[str, Served]]

Name = Annotated[str, Path(description="What the model is served as.")]
Top = Annotated[
    int | None, Query(ge=1, description="Only the most probable classes, so many of them.")
]
Explain = Annotated[
    bool,
    Query(description="Say what speaks for each answer too: of at most 4 items, and it is slow."),
]

TEXT = {"type": "string"}
BODY = {
    "requestBody": {
        "required": True,
        "description": "Images for a model of images, texts for a model of texts.",
        "content": {
            "image/*": {"schema": {"type": "string", "format": "binary"}},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "text/plain": {"schema": TEXT},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "images": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                        },
                        "texts": {"type": "array", "items": TEXT},
                    },
                }
            },
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "text": TEXT,
                        "texts": {"type": "array", "items": TEXT},
                        "image": {"type": "string", "format": "byte"},
                        "images": {
                            "type": "array",
                            "items": {"type": "string", "format": "byte"},
                        },
                    },
                }
            },
        },
    }
}
TENSORS = {
    "requestBody": {
        "required": True,
        "description": "An inference request of the Open Inference Protocol, version 2.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}


def application(spec: ServeSpec, meters: Meters, state: State, models: "Lifespan") -> FastAPI:
    """The application of a process.

    Args:
        spec: what is taken on.
        meters: what is counted.
        state: whether the process has been asked to stop.
        models: opens the models, by name, when the process starts, and closes them when it ends.
    """
    served: dict[str, Served] = {}

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with models as opened:
            served.update(opened)
            yield

    app = FastAPI(
        title="headstart",
        version=version_of("headstart"),
        description="Predictions of saved models.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # to where the header Host says
    )
    app.add_middleware(Guard, token=spec.token, host=spec.host, meters=meters, state=state)
    _refusals(app)
    _health(app, served, state)
    _inference(app, spec, served, Intake(spec.body_bytes, spec.timeout))
    pages.add(app, meters)
    return app


def _refusals(app: FastAPI) -> None:
    """Whatever a client did wrong is said in one sentence."""

    @app.exception_handler(Refused)
    async def refused(_: Request, error: Refused) -> Response:
        response = refusal(error.sentence, error.status)
        response.headers.update(error.headers)
        return response

    @app.exception_handler(HTTPException)
    async def plain(_: Request, error: HTTPException) -> Response:
        unknown = error.status_code == 404
        said = "There is nothing at this address; /docs has those there are." if unknown else None
        response = refusal(said or str(error.detail), error.status_code)
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        return refusal(f"{shown(where)[:80]}: {first['msg']}.", 422)

    @app.exception_handler(Exception)
    async def fault(_: Request, error: Exception) -> Response:  # logged by the server
        return refusal(f"This is a fault of the server ({type(error).__name__}).", 500)


def _health(app: FastAPI, served: Mapping[str, Served], state: State) -> None:
    @app.get("/v2/health/live", tags=["Open Inference Protocol"])
    async def live() -> Response:
        """Whether the process runs."""
        return reply({"live": True})

    @app.get("/v2/health/ready", tags=["Open Inference Protocol"])
    async def ready() -> Response:
        """Whether requests should be sent: 503 from SIGTERM on."""
        return reply({"ready": not state.draining}, 503 if state.draining else 200)

    @app.get("/v2/models/{name}/ready", tags=["Open Inference Protocol"])
    async def model_ready(name: Name) -> Response:
        """Whether a model answers."""
        _find(served, name)
        return reply({"name": name, "ready": not state.draining}, 503 if state.draining else 200)

    @app.get("/v2", tags=["Open Inference Protocol"])
    async def server() -> Response:
        """What serves."""
        return reply({"name": "headstart", "version": version_of("headstart"), "extensions": []})

    @app.get("/v2/models/{name}", tags=["Open Inference Protocol"])
    async def model(name: Name) -> Response:
        """What a model takes and gives."""
        return reply(tensors.metadata(name, _find(served, name).ready))

    @app.get("/models", tags=["Predictions"])
    async def models() -> Response:
        """Every model that is served."""
        listed = [tensors.metadata(name, each.ready) for name, each in served.items()]
        return reply({"models": listed})


def _inference(app: FastAPI, spec: ServeSpec, served: Mapping[str, Served], intake: Intake) -> None:
    async def predicted(request: Request, name: str, top: int | None, explain: bool) -> Response:
        model = _find(served, name)
        if top is not None and model.ready.session.task == "regression":
            raise Refused(422, "top needs classes, but this model predicts a number; leave it out.")
        async with intake.body(request) as body:
            asked = await items.read(request.headers, body, model.ready.session.modality, spec)
            answered = await model.answer(asked, explain=explain)
        if explain:  # Drawing takes a while.
            made = await run_in_threadpool(predictions, name, answered, top)
        else:
            made = predictions(name, answered, top)
        return reply(made, status_of(answered))

    @app.post("/predict", openapi_extra=BODY, tags=["Predictions"])
    async def predict(request: Request, top: Top = None, explain: Explain = False) -> Response:
        """Answer for images or texts; 422 where not one of them can be answered."""
        if len(served) > 1:
            raise Refused(
                404, f"Several models are served; POST to /models/NAME/predict: {some(served)}."
            )
        return await predicted(request, next(iter(served)), top, explain)

    @app.post("/models/{name}/predict", openapi_extra=BODY, tags=["Predictions"])
    async def predict_with(
        request: Request, name: Name, top: Top = None, explain: Explain = False
    ) -> Response:
        """The same, of a model by its name."""
        return await predicted(request, name, top, explain)

    @app.post("/v2/models/{name}/infer", openapi_extra=TENSORS, tags=["Open Inference Protocol"])
    async def infer(request: Request, name: Name) -> Response:
        """Tensors in, tensors out: encoded images in base64 or texts as BYTES, pixels as UINT8."""
        model = _find(served, name)
        if "inference-header-content-length" in request.headers:
            raise Refused(415, "Binary tensors are not read; send the data in JSON.")
        modality = model.ready.session.modality
        async with intake.body(request) as body:
            asked, id, wanted = await items.aside(
                body, lambda: tensors.asked(items.parsed(body), modality, spec)
            )
            answered = await model.answer(asked)
        return reply(tensors.answer(name, answered, id, wanted), status_of(answered))


def _find(served: Mapping[str, Served], name: str) -> Served:
    if name not in served:
        raise Refused(404, f"There is no model {shown(name)[:80]!r}; there is {some(served)}.")
    return served[name]
