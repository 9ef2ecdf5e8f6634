"""The part of the API that finds videos: by a query, by a video, by a picture."""

from __future__ import annotations

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import FastAPI, HTTPException, Path, Query

from functions.search import image_query, schemas
from functions.search.engine import Page, Result
from functions.search.glossary_routes import Tenant
from functions.search.image_query import SeenPicture
from functions.search.parameters import Emphasis, Filters, InModality, PageOf
from functions.search.services import Injected, Services
from functions.search.suggestion_routes import RememberedUser
from kadr.core.highlights import Highlight
from kadr.core.query import QueryStep
from kadr.ports.glossary import EVERYBODY


def register(app: FastAPI) -> None:
    """Add the routes and their errors."""
    app.add_api_route("/search", search, tags=["search"])
    app.add_api_route(
        image_query.PATH,
        search_by_image,
        methods=["POST"],
        tags=["search"],
        responses=image_query.RESPONSES,
        openapi_extra=image_query.BODY,
    )
    app.add_api_route(
        "/videos/{video_id}/similar",
        similar,
        tags=["search"],
        responses={404: {"model": schemas.ErrorAnswer, "description": "Nothing of this video is indexed."}},
    )


def search(  # noqa: PLR0917 - FastAPI passes them by name
    here: Injected,
    page_of: PageOf,
    where: Filters,
    q: Annotated[
        str,
        Query(
            min_length=1,
            max_length=300,
            description="What to look for, in Russian, English or another language. "
            '`"quoted words"` have to be there, in this order; `-word` and `-"quoted words"` must not. '
            "Quotes may be «these» or “those”, too.",
            openapi_examples={
                "words": {"value": "как варить борщ"},
                "a phrase": {"value": '"брось огурец" кот'},
                "without": {"value": "борщ -мясо"},
            },
        ),
    ],
    modality: InModality = None,
    emphasis: Emphasis = 1.0,
    skip: Annotated[
        list[QueryStep] | None,
        Query(
            description="Steps of understanding the query to leave out; may be given several times. "
            "`layout`, `case`, `transliteration`, `splitting` and `spelling` together search for what was "
            "typed.",
            openapi_examples={
                "all steps": {"value": []},
                "as it was typed": {"value": ["layout", "case", "transliteration", "splitting", "spelling"]},
                "in its own language only": {"value": ["translation"]},
            },
        ),
    ] = None,
    tenant: Tenant = EVERYBODY,
    user: RememberedUser = None,
) -> schemas.SearchAnswer:
    """Find videos. Results come in ranking order, with the moments that made them match."""
    wanted = page_of.of(where, modality=modality, emphasis=emphasis)
    page = here.engine.search(q, wanted, skip=skip or (), tenant=tenant)
    assert page.query is not None  # noqa: S101 - words were searched for
    # A further page is the same query. One that nothing fits is not to be suggested to others.
    if user is not None and page_of.offset == 0 and not page.nothing_good:
        here.suggester.remember(user, page.query.corrected, partial(here.engine.meaning, page.english))
    return schemas.SearchAnswer(
        query=schemas.QueryAnswer(
            original=q,
            corrected=page.query.corrected,
            translated=page.query.translated,
            language=page.query.language,
            phrases=list(page.phrases),
            excluded=list(page.excluded),
            words=[schemas.WordsAnswer(text=text, weight=weight) for text, weight in page.query.words],
            steps=[
                schemas.StepAnswer(step=each.step, before=each.before, after=each.after)
                for each in page.query.steps
            ],
        ),
        results=[result_answer(each, here) for each in page.results],
        total=len(page.results),
        next_offset=page.next_offset,
        nothing_good=page.nothing_good,
        took_ms=page.took,
    )


def similar(
    here: Injected,
    page_of: PageOf,
    where: Filters,
    video_id: Annotated[
        UUID, Path(description="Which video.", examples=["5b2c1c5e-0f5f-5d0a-8a53-9d9a2f9b7c11"])
    ],
    modality: InModality = None,
) -> schemas.SimilarAnswer:
    """Find videos like this one, by what is seen, written and said. Its own near duplicates are left out."""
    page = here.engine.similar(video_id, page_of.of(where, modality=modality))
    if page is None:
        raise HTTPException(
            404,
            f"nothing of a video {video_id} is indexed (yet): GET /videos/{video_id} says where it stands",
        )
    return _similar_answer(page, here)


def search_by_image(
    here: Injected, page_of: PageOf, where: Filters, picture: SeenPicture
) -> schemas.SimilarAnswer:
    """Find videos that look like a picture, a frame or a short clip.

    The body is the file itself, not a form, of at most 4 MB: JPEG, PNG, WebP, GIF, BMP, MP4, MOV or WebM. It
    is opened in a process without rights, is not kept, and is never fetched from an address.
    """
    page = here.engine.by_picture(picture.vector, page_of.of(where))
    return _similar_answer(page, here, picture.took)


def _similar_answer(
    page: Page, here: Services, took: dict[str, float] | None = None
) -> schemas.SimilarAnswer:
    return schemas.SimilarAnswer(
        results=[result_answer(each, here) for each in page.results],
        total=len(page.results),
        next_offset=page.next_offset,
        took_ms={**(took or {}), **page.took},
    )


def result_answer(result: Result, here: Services) -> schemas.ResultAnswer:
    """Return one result as the API tells it."""
    record, why = result.record, result.why
    return schemas.ResultAnswer(
        rank=result.rank,
        score=result.score,
        video_id=record.video_id,
        bucket=record.bucket,
        key=record.key,
        duration=record.duration,
        thumbnail_url=here.thumbnail(record),
        video_url=here.link(record.bucket, record.key),
        evidence=[
            schemas.EvidenceAnswer(
                modality=each.modality,
                text=each.text,
                translation=each.translation,
                start=each.moment.start,
                end=each.moment.end,
                score=each.score,
                highlights=[_highlight_answer(mark) for mark in each.highlights],
                translation_highlights=[_highlight_answer(mark) for mark in each.translation_highlights],
            )
            for each in why.moments
        ],
        frame=None
        if why.frame is None
        else schemas.FrameAnswer(time=why.frame.time, score=round(why.frame.score, 4)),
        contributions=dict(why.contributions),
        # More digits would be no truer.
        confidence=None if why.confidence is None else round(why.confidence, 4),
        matched=round(why.matched, 4),
        shares={str(name): share for name, share in why.weights.items()},
        theme=_theme(record.theme_id, here),
        people=[
            schemas.PersonInVideo(person_id=each.person_id, name=each.name or None) for each in record.people
        ],
        duplicates=result.duplicates,
    )


def _theme(theme_id: UUID | None, here: Services) -> schemas.ThemeOfVideo | None:
    name = None if theme_id is None else here.theme_names.of(theme_id)
    return None if theme_id is None or name is None else schemas.ThemeOfVideo(theme_id=theme_id, name=name)


def _highlight_answer(mark: Highlight) -> schemas.HighlightAnswer:
    return schemas.HighlightAnswer(offset=mark.offset, length=mark.length, start=mark.start, end=mark.end)
