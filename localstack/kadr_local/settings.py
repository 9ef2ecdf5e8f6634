"""Settings of the local stack. Variables are named ``KADR_LOCAL_<FIELD>``; the environment is read here."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict

Port = Annotated[int, Field(ge=1, le=65535)]

# What a process needs of the caller's environment. Nothing else is passed on: a KADR_ or AWS_ variable that
# happens to be set would send functions to another stack.
_PASSED_ON = (
    "HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "PATH",
    "SSL_CERT_FILE",
    "SYSTEMROOT",
    "TZ",
    "OMP_NUM_THREADS",
    "OMP_THREAD_LIMIT",
)


def _cores() -> int:
    # Reading text is what an upload waits for, and one run of it keeps one core busy.
    return max(2, min(4, os.cpu_count() or 2))


class LocalSettings(BaseSettings):
    """Ports and sizes of the local stack."""

    model_config = SettingsConfigDict(env_prefix="KADR_LOCAL_", frozen=True, extra="ignore")

    ministack_port: Port = 4566
    postgres_port: Port = 54320
    qdrant_port: Port = 6333
    api_port: Port = 8000
    # runs of each function at the same time: an upload starts up to five functions at once
    concurrency: PositiveInt = Field(default_factory=_cores)
    # seconds that an extractor may take for one video; None: the template's profile "local"
    extractor_timeout: PositiveInt | None = None
    # whether it is looked for who appears
    faces: Literal["on", "off"] = "on"
    # seconds that a service may take to answer after its start
    start_timeout: PositiveFloat = 60.0

    @property
    def ports(self) -> dict[str, int]:
        """The port of each service."""
        return {
            "ministack": self.ministack_port,
            "postgres": self.postgres_port,
            "qdrant": self.qdrant_port,
            "api": self.api_port,
        }


def base_environment(temporary: Path) -> dict[str, str]:
    """Return the environment that every process of the stack starts from."""
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    # The interpreter's own folder first: functions start helpers that were installed beside it.
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    environment["PYTHONUNBUFFERED"] = "1"
    environment["TMPDIR"] = str(temporary)
    return environment
