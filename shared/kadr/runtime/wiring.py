"""Which adapter stands behind which port: the only place where they are put together."""

from __future__ import annotations

from functools import cached_property
from typing import Protocol

from kadr.adapters.api_keys import PostgresKeyStore
from kadr.adapters.glossary_store import PostgresGlossaryStore
from kadr.adapters.ledger import PostgresLedger
from kadr.adapters.people_store import PostgresPeople
from kadr.adapters.postgres import Postgres, PostgresAddress
from kadr.adapters.qdrant import Qdrant, QdrantFaceIndex, QdrantVectorIndex
from kadr.adapters.qdrant_search import QdrantVideoSearch
from kadr.adapters.qdrant_similarities import QdrantSimilarities
from kadr.adapters.qdrant_themes import QdrantThemedIndex
from kadr.adapters.ranking_store import PostgresRankingStore
from kadr.adapters.s3 import S3ObjectStore
from kadr.adapters.secrets import read_secret
from kadr.adapters.sqs import SqsAssembleQueue, SqsBackoff, SqsStageQueues
from kadr.adapters.suggestion_store import PostgresQueryHistory
from kadr.adapters.theme_store import PostgresThemeStore
from kadr.ports.ledger import Ledger
from kadr.ports.objects import ObjectStore
from kadr.ports.queues import AssembleQueue
from kadr.ports.vectors import FaceIndex, VectorIndex
from kadr.runtime.settings import AssembleQueueSettings, StageQueueSettings, StorageSettings


class World(Protocol):
    """What the runner needs; tests give fakes."""

    @property
    def ledger(self) -> Ledger:
        """The ledger."""
        ...

    @property
    def index(self) -> VectorIndex:
        """The vector index of videos."""
        ...

    @property
    def faces(self) -> FaceIndex:
        """The vector index of faces."""
        ...

    @property
    def objects(self) -> ObjectStore:
        """The buckets."""
        ...

    @property
    def assemble_queue(self) -> AssembleQueue:
        """Where extractors report."""
        ...

    @property
    def backoff(self) -> SqsBackoff:
        """Who delays messages that failed."""
        ...


class Wiring:
    """The real adapters, made on first use. Making them opens no connection."""

    def __init__(
        self,
        settings: StorageSettings,
        *,
        connections: int = 2,
        patience: float = 10.0,
        long_statements: bool = False,
    ) -> None:
        """``patience`` is how many seconds to wait for a connection to PostgreSQL.

        With ``long_statements`` there is no limit on how long a statement takes.
        """
        self._long_statements = long_statements
        self._settings = settings
        self._connections = connections
        self._patience = patience

    @cached_property
    def postgres(self) -> Postgres:
        """The connection pool."""
        settings = self._settings
        return Postgres(
            PostgresAddress(
                host=settings.postgres_host,
                port=settings.postgres_port,
                database=settings.postgres_database,
                sslmode=settings.postgres_sslmode,
            ),
            credentials=lambda: read_secret(settings.postgres_secret_arn),
            renewed=lambda: read_secret(settings.postgres_secret_arn, anew=True),
            max_size=self._connections,
            connect_timeout=self._patience,
            long_statements=self._long_statements,
        )

    @cached_property
    def qdrant(self) -> Qdrant:
        """The Qdrant client."""
        return Qdrant(self._settings.qdrant_url, api_key=self._api_key, timeout=self._settings.qdrant_timeout)

    def _api_key(self) -> str | None:
        arn = self._settings.qdrant_secret_arn
        return read_secret(arn)["api_key"] if arn else None

    @cached_property
    def ledger(self) -> PostgresLedger:
        """The ledger."""
        return PostgresLedger(self.postgres)

    @cached_property
    def glossaries(self) -> PostgresGlossaryStore:
        """What teams added to the glossary."""
        return PostgresGlossaryStore(self.postgres)

    @cached_property
    def rankings(self) -> PostgresRankingStore:
        """The constants of ranking."""
        return PostgresRankingStore(self.postgres)

    @cached_property
    def themes(self) -> PostgresThemeStore:
        """Themes, and which video has which."""
        return PostgresThemeStore(self.postgres)

    @cached_property
    def themed(self) -> QdrantThemedIndex:
        """The vector index of videos, as themes are found in it."""
        return QdrantThemedIndex(self.qdrant, self._settings.qdrant_collection)

    @cached_property
    def history(self) -> PostgresQueryHistory:
        """What people have asked who let it be remembered."""
        return PostgresQueryHistory(self.postgres)

    @cached_property
    def keys(self) -> PostgresKeyStore:
        """The keys of the API."""
        return PostgresKeyStore(self.postgres)

    @cached_property
    def index(self) -> QdrantVectorIndex:
        """The vector index of videos."""
        return QdrantVectorIndex(self.qdrant, self._settings.qdrant_collection)

    @cached_property
    def video_search(self) -> QdrantVideoSearch:
        """The vector index of videos, as search reads it."""
        return QdrantVideoSearch(self.qdrant, self._settings.qdrant_collection)

    @cached_property
    def similarities(self) -> QdrantSimilarities:
        """How like a query known videos are."""
        return QdrantSimilarities(self.qdrant, self._settings.qdrant_collection)

    @cached_property
    def faces(self) -> QdrantFaceIndex:
        """The vector index of faces."""
        return QdrantFaceIndex(self.qdrant)

    @cached_property
    def people(self) -> PostgresPeople:
        """People across videos."""
        return PostgresPeople(self.postgres)

    @cached_property
    def objects(self) -> S3ObjectStore:
        """The buckets."""
        return S3ObjectStore()

    @cached_property
    def assemble_queue(self) -> SqsAssembleQueue:
        """Where extractors report; only functions that have the queue's address may ask."""
        if not isinstance(self._settings, AssembleQueueSettings):
            raise TypeError("this function's settings name no assemble queue")
        return SqsAssembleQueue(self._settings.assemble_queue_url)

    @cached_property
    def stage_queues(self) -> SqsStageQueues:
        """The queues of the stages; only functions that have their addresses may ask."""
        if not isinstance(self._settings, StageQueueSettings):
            raise TypeError("this function's settings name no queues of stages")
        return SqsStageQueues(self._settings.stage_queues)

    @cached_property
    def backoff(self) -> SqsBackoff:
        """Who delays messages that failed."""
        return SqsBackoff()
