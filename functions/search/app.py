"""The HTTP API."""

from __future__ import annotations

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import FastAPI, HTTPException, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException

from functions.search import (
    authorisation,
    glossary_routes,
    page,
    people_routes,
    schemas,
    search_routes,
    speech_query,
    suggestion_routes,
    theme_routes,
    upload_routes,
    uploads,
    video_changes,
)
from functions.search.parameters import DEEPEST_LISTED
from functions.search.services import Injected, Services
from kadr import __version__
from kadr.core.errors import (
    EmptyQueryError,
    GlossaryError,
    KadrError,
    NoSuchPersonError,
    PeopleError,
    TransientError,
    UnstorableError,
    WeightsUnavailableError,
)
from kadr.core.modality import VideoState
from kadr.models.registry import report
from kadr.ports.ledger import VideoRecord
from kadr.runtime.telemetry import logger


def create_app() -> FastAPI:
    """Return the application. Nothing is loaded or connected before the first request."""
    app = FastAPI(
        title="Kadr",
        version=__version__,
        description="Find short videos by what is seen, written and said in them.",
        responses={
            422: {"model": schemas.ErrorAnswer, "description": "A parameter is not valid."},
            503: {"model": schemas.ErrorAnswer, "description": "A service does not answer; try again."},
        },
    )
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(StarletteHTTPException, _refused)
    app.add_exception_handler(TransientError, partial(_failed, status=503, code="unavailable"))
    app.add_exception_handler(EmptyQueryError, partial(_told, status=422, code="empty"))
    app.add_exception_handler(NoSuchPersonError, partial(_told, status=404, code="not_found"))
    app.add_exception_handler(PeopleError, partial(_told, status=422, code="invalid"))
    app.add_exception_handler(GlossaryError, partial(_told, status=422, code="invalid"))
    app.add_exception_handler(UnstorableError, partial(_told, status=422, code="invalid"))
    app.add_exception_handler(WeightsUnavailableError, partial(_told, status=503, code="unavailable"))
    app.add_exception_handler(KadrError, partial(_failed, status=500, code="failed"))
    app.add_exception_handler(ValidationError, _misconfigured)
    uploads.register(app)
    search_routes.register(app)
    app.add_api_route("/videos", videos, tags=["videos"])
    app.add_api_route(
        "/videos/{video_id}",
        video,
        tags=["videos"],
        responses={404: {"model": schemas.ErrorAnswer, "description": "There is no such video."}},
    )
    video_changes.register(app)
    upload_routes.register(app)
    people_routes.register(app)
    theme_routes.register(app)
    authorisation.register(app)
    glossary_routes.register(app)
    speech_query.register(app)
    suggestion_routes.register(app)
    app.add_api_route("/status", status, tags=["operation"])
    app.add_api_route(
        "/healthz",
        healthz,
        tags=["operation"],
        responses={503: {"model": schemas.HealthAnswer, "description": "A service does not answer."}},
    )
    page.register(app)
    # A page of results is 40 KB, most of it links that are alike.
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    return app


def videos(
    here: Injected,
    limit: Annotated[int, Query(ge=1, le=500, description="How many videos.", examples=[50])] = 50,
    offset: Annotated[
        int, Query(ge=0, le=DEEPEST_LISTED, description="How many videos to skip.", examples=[50])
    ] = 0,
    state: Annotated[
        VideoState | None, Query(description="Only videos in this state.", examples=["searchable"])
    ] = None,
    prefix: Annotated[
        str, Query(max_length=1024, description="Only keys that begin with this.", examples=["recipes/"])
    ] = "",
) -> schemas.VideosAnswer:
    """List videos, newest first, with the state of every stage."""
    found = here.world.ledger.videos(limit=limit, offset=offset, state=state, key_prefix=prefix)
    return schemas.VideosAnswer(videos=[_video_answer(record, here) for record in found], total=len(found))


def video(
    here: Injected,
    video_id: Annotated[
        UUID, Path(description="Which video.", examples=["5b2c1c5e-0f5f-5d0a-8a53-9d9a2f9b7c11"])
    ],
) -> schemas.VideoAnswer:
    """Return one video with the state of every stage, and the reason where one did not finish."""
    record = here.world.ledger.video(video_id)
    if record is None:
        raise HTTPException(404, f"there is no video {video_id}")
    return _video_answer(record, here)


def status(here: Injected) -> schemas.StatusAnswer:
    """Count the videos in each state, per stage, and say which models are there.

    Of a large collection, the numbers may be a minute old.
    """
    videos, stages = here.video_counts.read()
    return schemas.StatusAnswer(
        videos=dict(videos),
        stages={stage: dict(counts) for stage, counts in stages.items()},
        models=[
            schemas.ModelAnswer(
                role=str(each.role),
                variant=each.variant,
                installed=each.available,
                demo=each.demo,
                detail=each.problem,
            )
            for each in report(here.settings.models_dir)
        ],
    )


def healthz(here: Injected, response: Response) -> schemas.HealthAnswer:
    """Say whether search works right now; 503 where it does not."""
    checks = {}
    for name, check in {"postgres": here.world.postgres.ping, "qdrant": here.world.index.ping}.items():
        try:
            check()
            checks[name] = "ok"
        except KadrError as error:
            # Its text names hosts of the inside, and anybody may ask.
            logger().error(f"{name} does not answer", reason=str(error))
            checks[name] = "does not answer"
    for role in report(here.settings.models_dir):
        checks[f"model {role.role}"] = role.problem or ("ok, demo weights" if role.demo else "ok")
    ok = checks["postgres"] == checks["qdrant"] == "ok"
    response.status_code = 200 if ok else 503
    return schemas.HealthAnswer(status="ok" if ok else "degraded", checks=checks, version=__version__)


def _video_answer(record: VideoRecord, here: Services) -> schemas.VideoAnswer:
    return schemas.VideoAnswer(
        video_id=record.video_id,
        bucket=record.bucket,
        key=record.key,
        generation=record.generation,
        state=record.state,
        duration=record.duration,
        width=record.width,
        height=record.height,
        has_audio=record.has_audio,
        size=record.size,
        created_at=record.created_at,
        updated_at=record.updated_at,
        thumbnail_url=here.thumbnail(record),
        video_url=here.link(record.bucket, record.key),
        stages=[
            schemas.StageAnswer(
                stage=each.stage,
                state=each.state,
                reason=each.reason,
                attempts=each.attempts,
                model_version=each.model_version,
                duration_ms=each.duration_ms,
                cost_usd=each.cost_usd,
                updated_at=each.updated_at,
                details=dict(each.details),
            )
            for each in record.stages
        ],
    )


def _error(status: int, code: str, message: str) -> JSONResponse:
    answer = schemas.ErrorAnswer(error=schemas.ErrorBody(code=code, message=message))
    return JSONResponse(answer.model_dump(), status_code=status)


def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for nothing else
    first = error.errors()[0]
    return _error(422, "invalid", f"{'.'.join(map(str, first['loc'][1:]))}: {first['msg']}")


def _refused(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, StarletteHTTPException)  # noqa: S101 - registered for nothing else
    codes = {401: "unauthorised", 403: "forbidden", 404: "not_found", 422: "invalid"}
    answer = _error(error.status_code, codes.get(error.status_code, "refused"), error.detail)
    answer.headers.update(error.headers or {})
    return answer


def _failed(_request: Request, error: Exception, *, status: int, code: str) -> JSONResponse:
    # The text names hosts and services of the inside: it goes to the log, not to the caller.
    logger().error("request failed", reason=str(error))
    message = "a service does not answer, try again" if status == 503 else "the request failed"
    return _error(status, code, message)


def _told(_request: Request, error: Exception, *, status: int, code: str) -> JSONResponse:
    return _error(status, code, str(error))


def _misconfigured(_request: Request, error: Exception) -> JSONResponse:
    logger().error("the function is not configured", reason=str(error))
    return _error(503, "unavailable", "the service is not configured; its log says what is missing")
