"""The HTTP API."""

from __future__ import annotations

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import FastAPI, HTTPException, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException

from functions.search import glossary_routes, schemas, speech_query, suggestion_routes
from functions.search.engine import Page, Result
from functions.search.glossary_routes import Tenant
from functions.search.services import Injected, Services
from functions.search.suggestion_routes import RememberedUser
from kadr import __version__
from kadr.core.errors import DependencyError, EmptyQueryError, GlossaryError, KadrError
from kadr.core.modality import VideoState
from kadr.core.query import QueryStep
from kadr.models.registry import report
from kadr.ports.glossary import EVERYBODY
from kadr.ports.ledger import VideoRecord
from kadr.runtime.telemetry import logger

# Enough for a page of a phone and for its evaluation; a deeper page costs the index more than it is worth.
MOST_RESULTS = 100
DEEPEST_OFFSET = 900


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
    app.add_exception_handler(DependencyError, partial(_failed, status=503, code="unavailable"))
    app.add_exception_handler(EmptyQueryError, partial(_told, code="empty"))
    app.add_exception_handler(GlossaryError, partial(_told, code="invalid"))
    app.add_exception_handler(KadrError, partial(_failed, status=500, code="failed"))
    app.add_exception_handler(ValidationError, _misconfigured)
    app.add_api_route("/search", search, tags=["search"])
    app.add_api_route("/videos", videos, tags=["videos"])
    app.add_api_route(
        "/videos/{video_id}",
        video,
        tags=["videos"],
        responses={404: {"model": schemas.ErrorAnswer, "description": "There is no such video."}},
    )
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
    return app


def search(  # noqa: PLR0917 - FastAPI passes them by name
    here: Injected,
    q: Annotated[
        str,
        Query(
            min_length=1,
            max_length=300,
            description="What to look for, in Russian, English or another language.",
            examples=["как варить борщ"],
        ),
    ],
    k: Annotated[int, Query(ge=1, le=MOST_RESULTS, description="How many results.")] = 20,
    offset: Annotated[int, Query(ge=0, le=DEEPEST_OFFSET, description="How many results to skip.")] = 0,
    skip: Annotated[
        list[QueryStep] | None,
        Query(
            description="Steps of understanding the query to leave out; may be given several times. "
            "`skip=spelling&skip=layout` searches for what was typed, letter by letter.",
            openapi_examples={
                "all steps": {"value": []},
                "as it was typed": {"value": ["layout", "transliteration", "splitting", "spelling"]},
                "in its own language only": {"value": ["translation"]},
            },
        ),
    ] = None,
    tenant: Tenant = EVERYBODY,
    user: RememberedUser = None,
) -> schemas.SearchAnswer:
    """Find videos. Results come in ranking order, with the moments that made them match."""
    page = here.engine.search(q, limit=k, offset=offset, skip=skip or (), tenant=tenant)
    if user is not None and offset == 0:  # a further page is the same query
        here.suggester.remember(user, page.query.corrected, partial(here.engine.meaning, page.query))
    return _search_answer(q, page, here, offset)


def videos(
    here: Injected,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    offset: Annotated[int, Query(ge=0)] = 0,
    state: Annotated[VideoState | None, Query(description="Only videos in this state.")] = None,
    prefix: Annotated[str, Query(max_length=1024, description="Only keys that begin with this.")] = "",
) -> schemas.VideosAnswer:
    """List videos, newest first, with the state of every stage."""
    found = here.world.ledger.videos(limit=limit, offset=offset, state=state, key_prefix=prefix)
    return schemas.VideosAnswer(videos=[_video_answer(record, here) for record in found], total=len(found))


def video(here: Injected, video_id: Annotated[UUID, Path()]) -> schemas.VideoAnswer:
    """Return one video with the state of every stage, and the reason where one did not finish."""
    record = here.world.ledger.video(video_id)
    if record is None:
        raise HTTPException(404, f"there is no video {video_id}")
    return _video_answer(record, here)


def status(here: Injected) -> schemas.StatusAnswer:
    """Count the videos in each state, per stage, and say which models are there."""
    return schemas.StatusAnswer(
        videos=here.world.ledger.video_counts(),
        stages=here.world.ledger.counts(),
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
    for name, check in {"postgres": here.world.ledger.video_counts, "qdrant": here.world.index.count}.items():
        try:
            check()
            checks[name] = "ok"
        except KadrError as error:
            checks[name] = str(error)
    for role in report(here.settings.models_dir):
        checks[f"model {role.role}"] = role.problem or ("ok, demo weights" if role.demo else "ok")
    ok = checks["postgres"] == checks["qdrant"] == "ok"
    response.status_code = 200 if ok else 503
    return schemas.HealthAnswer(status="ok" if ok else "degraded", checks=checks, version=__version__)


def _search_answer(q: str, page: Page, here: Services, offset: int) -> schemas.SearchAnswer:
    return schemas.SearchAnswer(
        query=schemas.QueryAnswer(
            original=q,
            corrected=page.query.corrected,
            translated=page.query.translated,
            language=page.query.language,
            steps=[
                schemas.StepAnswer(step=each.step, before=each.before, after=each.after)
                for each in page.query.steps
            ],
        ),
        results=[
            _result_answer(result, here, rank) for rank, result in enumerate(page.results, start=offset + 1)
        ],
        total=len(page.results),
        nothing_good=page.nothing_good,
        took_ms=page.took,
    )


def _result_answer(result: Result, here: Services, rank: int) -> schemas.ResultAnswer:
    record = result.record
    return schemas.ResultAnswer(
        rank=rank,
        score=result.score,
        video_id=record.video_id,
        bucket=record.bucket,
        key=record.key,
        duration=record.duration,
        thumbnail_url=_thumbnail(record, here),
        video_url=here.link(record.bucket, record.key),
        evidence=[
            schemas.EvidenceAnswer(
                modality=each.modality,
                text=each.moment.text,
                translation=each.moment.translation,
                start=each.moment.start,
                end=each.moment.end,
                score=each.score,
            )
            for each in result.evidence
        ],
        shares=result.shares,
    )


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
        thumbnail_url=_thumbnail(record, here),
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


def _thumbnail(record: VideoRecord, here: Services) -> str | None:
    return here.link(here.settings.derived_bucket, record.thumbnail_key) if record.thumbnail_key else None


def _error(status: int, code: str, message: str) -> JSONResponse:
    answer = schemas.ErrorAnswer(error=schemas.ErrorBody(code=code, message=message))
    return JSONResponse(answer.model_dump(), status_code=status)


def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for nothing else
    first = error.errors()[0]
    return _error(422, "invalid", f"{'.'.join(map(str, first['loc'][1:]))}: {first['msg']}")


def _refused(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, StarletteHTTPException)  # noqa: S101 - registered for nothing else
    codes = {401: "unauthorised", 403: "forbidden", 404: "not_found"}
    answer = _error(error.status_code, codes.get(error.status_code, "refused"), error.detail)
    answer.headers.update(error.headers or {})
    return answer


def _failed(_request: Request, error: Exception, *, status: int, code: str) -> JSONResponse:
    # The text names hosts and services of the inside: it goes to the log, not to the caller.
    logger().error("request failed", reason=str(error))
    message = "a service does not answer, try again" if status == 503 else "the request failed"
    return _error(status, code, message)


def _told(_request: Request, error: Exception, *, code: str) -> JSONResponse:
    return _error(422, code, str(error))


def _misconfigured(_request: Request, error: Exception) -> JSONResponse:
    logger().error("the function is not configured", reason=str(error))
    return _error(503, "unavailable", "the service is not configured; its log says what is missing")
