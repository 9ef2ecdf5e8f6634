"""Having videos extracted again: what is chosen, what is sent, and what a real PostgreSQL says afterwards."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from rich.console import Console
from typer.testing import CliRunner

from kadr.adapters.extraction_store import PostgresExtractions
from kadr.adapters.ledger import PostgresLedger
from kadr.adapters.postgres import Postgres
from kadr.adapters.sqs import SqsBacklog
from kadr.cli import outdated
from kadr.cli.app import app
from kadr.cli.bar import Bar
from kadr.cli.failure import CommandError
from kadr.cli.session import Session
from kadr.cli.target import QueuePair
from kadr.core.errors import DependencyError
from kadr.core.extraction import Extraction
from kadr.core.identity import ObjectVersion, video_id
from kadr.core.modality import Stage, StageState, VideoState
from kadr.ports.extracting import Choice, Place
from kadr.ports.ledger import Registration
from kadr.runtime import s3_events
from kadr.runtime.extracting import extract_again
from tests.contract.command_target import CommandTarget

FIRST = UUID(int=0)
FINISHED = (StageState.DONE, StageState.EMPTY, StageState.FAILED)


class Shelf:
    """Videos of which the visual stage was done with one model or another."""

    def __init__(self, postgres: Postgres) -> None:
        self.ledger = PostgresLedger(postgres)
        self.extractions = PostgresExtractions(postgres)
        self.registrations: dict[str, Registration] = {}

    def put(self, key: str, model: str, state: StageState = StageState.DONE) -> Registration:
        version = ObjectVersion(key, key, 1000, datetime(2026, 1, 1, tzinfo=UTC), "video/mp4")
        found = self.ledger.register(video_id("media", key), "media", key, lambda: version, lambda _: None)
        assert found is not None
        self.registrations[key] = found
        assert self.ledger.claim(found, Stage.VISUAL, model, lease=60) is None
        if state in (StageState.DONE, StageState.EMPTY):
            with self.ledger.commit(found, Stage.VISUAL) as commit:
                commit.write(Extraction(), cost_usd=0.25)
                commit.set_searchable(True)
        else:
            self.ledger.fail(found, Stage.VISUAL, state, "why")
        return found

    def state(self, key: str, stage: Stage = Stage.VISUAL) -> StageState:
        record = self.ledger.video(video_id("media", key))
        assert record is not None
        return next(each.state for each in record.stages if each.stage is stage)

    def choice(self, made_with: str = "old", states: Sequence[StageState] = FINISHED) -> Choice:
        return Choice(Stage.VISUAL, states, self.extractions.now(), made_with)


class Queue:
    """A queue of which the functions take what ``sleep`` lets them take."""

    def __init__(self, takes: int = 0) -> None:
        self.bodies: list[str] = []
        self.longest = 0
        self.takes = takes
        self.left = 0

    def waiting(self) -> int:
        return len(self.bodies) - self.left

    def send(self, bodies: Sequence[str]) -> None:
        self.bodies += bodies
        self.longest = max(self.longest, self.waiting())

    def sleep(self, seconds: float) -> None:
        assert self.takes, "it would wait for ever"
        self.left = min(len(self.bodies), self.left + self.takes)

    def keys(self) -> list[str]:
        (messages,) = zip(*map(s3_events.parse, self.bodies), strict=True)
        return [message.key for message in messages]


class Quiet:
    def __init__(self) -> None:
        self.looked_at = 0

    def begin(self, what: str, total: int | None) -> None:
        pass

    def advance(self, videos: int) -> None:
        self.looked_at += videos


@pytest.fixture
def shelf(postgres: Postgres) -> Shelf:
    shelf = Shelf(postgres)
    for number in range(5):
        shelf.put(f"old {number} 🍲.mp4", "clip@old")
    shelf.put("new.mp4", "clip@new")
    shelf.put("failed.mp4", "clip@old", StageState.FAILED)
    shelf.put("without.mp4", "none", StageState.UNAVAILABLE)
    return shelf


OLD = [*(f"old {number} 🍲.mp4" for number in range(5)), "failed.mp4"]


def test_what_was_made_with_which_weights(shelf: Shelf) -> None:
    found = {(made.state, made.model_version): made for made in shelf.extractions.made([Stage.VISUAL])}
    assert {key: made.videos for key, made in found.items()} == {
        (StageState.DONE, "clip@old"): 5,
        (StageState.DONE, "clip@new"): 1,
        (StageState.FAILED, "clip@old"): 1,
        (StageState.UNAVAILABLE, "none"): 1,
    }
    assert found[StageState.DONE, "clip@old"].cost_usd == pytest.approx(1.25)
    everything = shelf.extractions.made(list(Stage))
    assert {made.stage for made in everything} >= set(Stage) - {Stage.ASSEMBLE}
    assert not shelf.extractions.made([Stage.VISUAL], before=datetime(2026, 1, 1, tzinfo=UTC))


def test_what_is_chosen_is_sent_and_begun_again(shelf: Shelf) -> None:
    queue, quiet = Queue(), Quiet()
    assert extract_again(shelf.extractions, queue, shelf.choice(), quiet, sleep=queue.sleep) == 6
    assert sorted(queue.keys()) == sorted(OLD)
    assert quiet.looked_at == 6
    assert {shelf.state(key) for key in OLD} == {StageState.QUEUED}
    assert shelf.state("new.mp4") is StageState.DONE
    assert shelf.state("without.mp4") is StageState.UNAVAILABLE
    record = shelf.ledger.video(video_id("media", OLD[0]))
    assert record is not None and record.state is VideoState.SEARCHABLE  # found as before meanwhile
    # Done again, whatever it was done with: it was asked for.
    assert shelf.ledger.claim(shelf.registrations[OLD[0]], Stage.VISUAL, "clip@old", lease=60) is None


def test_a_result_that_other_weights_failed_to_replace_is_chosen_by_its_own(shelf: Shelf) -> None:
    key = OLD[0]
    registration = shelf.registrations[key]
    assert shelf.ledger.claim(registration, Stage.VISUAL, "new@2", lease=60) is None
    shelf.ledger.fail(registration, Stage.VISUAL, StageState.DEAD, "no memory")
    (made,) = (each for each in shelf.extractions.made([Stage.VISUAL]) if each.state is StageState.DEAD)
    assert (made.model_version, made.videos) == ("new@2", 1)
    assert "old" in made.made_with
    queue = Queue()
    states = [StageState.DEAD]
    assert extract_again(shelf.extractions, queue, shelf.choice("old", states), Quiet(), ahead=10) == 1
    assert shelf.state(key) is StageState.QUEUED


def test_states_choose_what_never_had_a_result(shelf: Shelf) -> None:
    queue = Queue()
    choice = shelf.choice("", [StageState.UNAVAILABLE])
    assert extract_again(shelf.extractions, queue, choice, Quiet(), sleep=queue.sleep) == 1
    assert queue.keys() == ["without.mp4"]


def test_keys_choose_too(shelf: Shelf) -> None:
    queue = Queue()
    choice = replace(shelf.choice(), prefix="old 1")
    assert [made.videos for made in shelf.extractions.made([Stage.VISUAL], prefix="old ")] == [5]
    assert extract_again(shelf.extractions, queue, choice, Quiet(), sleep=queue.sleep) == 1
    assert queue.keys() == [OLD[1]]


def test_the_queue_is_kept_short(shelf: Shelf) -> None:
    queue = Queue(takes=1)
    sent = extract_again(shelf.extractions, queue, shelf.choice(), Quiet(), ahead=2, sleep=queue.sleep)
    assert sent == 6 and queue.longest == 2
    assert sorted(queue.keys()) == sorted(OLD)


def test_what_was_sent_is_not_sent_again(shelf: Shelf) -> None:
    choice = shelf.choice("", [*FINISHED, StageState.QUEUED])
    queue = Queue()
    assert len(shelf.extractions.requeue(choice, after=FIRST, limit=4, send=lambda _: None)) == 4
    assert extract_again(shelf.extractions, queue, choice, Quiet(), sleep=queue.sleep) == 3


def test_what_the_queue_refuses_stays_as_it_was(shelf: Shelf) -> None:
    def refuse(places: Sequence[Place]) -> None:
        raise DependencyError("no")

    with pytest.raises(DependencyError):
        shelf.extractions.requeue(shelf.choice(), after=FIRST, limit=4, send=refuse)
    assert [shelf.state(key) for key in OLD] == 5 * [StageState.DONE] + [StageState.FAILED]


def test_what_somebody_takes_up_meanwhile_is_left_to_them(shelf: Shelf, postgres: Postgres) -> None:
    choice, sent, locked = shelf.choice(), [], threading.Event()
    busy = shelf.registrations[OLD[2]].video_id

    def requeue() -> None:
        shelf.extractions.requeue(choice, after=FIRST, limit=100, send=sent.extend)

    with postgres.transaction() as connection:
        connection.execute("SELECT FROM video WHERE video_id = %s FOR UPDATE", (busy,))
        connection.execute("UPDATE extraction SET state = 'running' WHERE video_id = %s", (busy,))
        locked.set()
        waiting = threading.Thread(target=requeue)
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()  # for the row
    waiting.join(10)
    assert {place.key for place in sent} == set(OLD) - {OLD[2]}
    assert shelf.state(OLD[2]) is StageState.RUNNING


class Sqs:
    """The calls that are made of SQS; more than ten messages at once are too many for it."""

    def __init__(self) -> None:
        self.sent: dict[str, list[str]] = {}
        self.refused = ""

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:
        return {"Attributes": {"ApproximateNumberOfMessages": "0"}}

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:
        assert 0 < len(Entries) <= 10
        assert len({entry["Id"] for entry in Entries}) == len(Entries)
        if self.refused:
            return {"Failed": [{"Id": Entries[0]["Id"], "Code": "InternalError", "Message": self.refused}]}
        self.sent.setdefault(QueueUrl, []).extend(entry["MessageBody"] for entry in Entries)
        return {}


def test_a_batch_of_which_one_is_refused_is_an_error() -> None:
    sqs: Any = Sqs()
    SqsBacklog(sqs, "q/visual").send([f"body {n}" for n in range(23)])
    assert sqs.sent == {"q/visual": [f"body {n}" for n in range(23)]}
    sqs.refused = "throttled"
    with pytest.raises(DependencyError, match="throttled"):
        SqsBacklog(sqs, "q/visual").send(["body"])


def test_what_nobody_puts_together_is_dead_after_a_while(shelf: Shelf, postgres: Postgres) -> None:
    """Its message is lost, or its function was killed: that leaves no trace but the time."""
    for key, hours in ((OLD[0], 7), (OLD[1], 1)):
        with postgres.transaction() as connection:
            connection.execute(
                "UPDATE extraction SET updated_at = now() - make_interval(hours => %s)"
                " WHERE video_id = %s AND stage = 'assemble'",
                (hours, shelf.registrations[key].video_id),
            )
    assert shelf.extractions.bury() == 1
    assert [shelf.state(key, Stage.ASSEMBLE) for key in OLD[:2]] == [StageState.DEAD, StageState.QUEUED]
    again = shelf.ledger.requeue(shelf.registrations[OLD[0]].video_id, [StageState.DEAD], lambda *_: None)
    assert again == [Stage.ASSEMBLE]


def test_what_was_killed_is_dead_after_a_while(shelf: Shelf, postgres: Postgres) -> None:
    def lease(key: str, minutes: int) -> None:
        with postgres.transaction() as connection:
            connection.execute(
                "UPDATE extraction SET state = 'running', lease_until = now() + make_interval(mins => %s)"
                " WHERE video_id = %s AND stage = 'visual'",
                (minutes, shelf.registrations[key].video_id),
            )

    for key, minutes in ((OLD[0], -60), (OLD[1], -1), (OLD[2], 1)):
        lease(key, minutes)
    assert shelf.extractions.bury() == 1
    assert shelf.extractions.bury() == 0
    assert [shelf.state(key) for key in OLD[:3]] == [StageState.DEAD, StageState.RUNNING, StageState.RUNNING]
    record = shelf.ledger.video(video_id("media", OLD[0]))
    assert record is not None
    assert "memory" in next(each.reason for each in record.stages if each.stage is Stage.VISUAL)
    # Somebody who asks for one video need not wait so long; what a worker holds is left to it.
    sent: list[Stage] = []
    videos = [shelf.registrations[key].video_id for key in OLD[:3]]
    again = [
        shelf.ledger.requeue(each, [StageState.DEAD], lambda stage, _: sent.append(stage)) for each in videos
    ]
    assert again == [[Stage.VISUAL], [Stage.VISUAL], []]
    assert sent == [Stage.VISUAL, Stage.VISUAL]


class TestOutdated:
    """What the local stack has of other weights than it searches with."""

    @pytest.fixture(autouse=True)
    def weights(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def installed(role: str, models: Path) -> Any:
            return SimpleNamespace(version="clip@new") if role == "visual" else None

        monkeypatch.setattr("kadr.models.registry.installed", installed)

    def test_it_is_found_and_said(self, shelf: Shelf) -> None:
        found = outdated.outdated(shelf.extractions, Path())
        assert sum(made.videos for made in found) == 7
        assert "clip@new" not in {made.model_version for made in found}
        assert outdated.hint(found).startswith("7 videos were indexed with other weights")
        assert not outdated.hint([])

    def test_it_is_made_anew(self, shelf: Shelf) -> None:
        queue = Queue()

        def work(seconds: float) -> None:
            """Do a job a moment, as the function would."""
            key = queue.keys()[queue.left]
            queue.left += 1
            registration = shelf.registrations[key]
            assert shelf.ledger.claim(registration, Stage.VISUAL, "clip@new", lease=60) is None
            with shelf.ledger.commit(registration, Stage.VISUAL) as commit:
                commit.write(Extraction())

        found = outdated.outdated(shelf.extractions, Path())
        with Bar(Console(file=io.StringIO())) as bar:
            assert outdated.renew(shelf.extractions, {Stage.VISUAL: queue}, found, bar, sleep=work) == 7
        assert sorted(queue.keys()) == sorted([*OLD, "without.mp4"])
        assert not outdated.outdated(shelf.extractions, Path())

    def test_nobody_waits_for_ever(self, shelf: Shelf) -> None:
        queue, found = Queue(), outdated.outdated(shelf.extractions, Path())
        with Bar(Console(file=io.StringIO())) as bar, pytest.raises(CommandError, match="kadr logs"):
            outdated.renew(shelf.extractions, {Stage.VISUAL: queue}, found, bar, sleep=lambda _: None)


class TestCommand:
    @pytest.fixture
    def sqs(self) -> Sqs:
        return Sqs()

    @pytest.fixture
    def kadr(self, shelf: Shelf, postgres: Postgres, sqs: Sqs) -> Callable[..., Any]:
        class Target(CommandTarget):
            def queues(self) -> list[QueuePair]:
                return [QueuePair(stage, f"q/{stage}", f"q/{stage}-dlq") for stage in Stage]

            def client(self, service: str) -> Any:
                return sqs if service == "sqs" else self

        target = Target(postgres)
        session = Session(root=Path(), stack="prod", read_target=lambda root, stack: target)  # type: ignore[arg-type,return-value]
        return lambda *arguments: CliRunner().invoke(app, ["extract", *arguments], obj=session)

    def test_without_an_option_it_shows_what_there_is(self, kadr: Callable[..., Any], sqs: Sqs) -> None:
        shown = kadr("visual")
        assert shown.exit_code == 0
        line = next(line for line in shown.stdout.splitlines() if "clip@old" in line and "done" in line)
        assert line.split() == ["visual", "done", "5", "0", "s", "1.25", "clip@old"]
        assert "--made-with" in shown.stderr
        made = json.loads(kadr("visual", "--json").stdout)["made"]
        assert made[0]["videos"] == 5 and made[0]["model_version"] == "clip@old"
        assert not sqs.sent

    def test_a_dry_run_sends_nothing(self, kadr: Callable[..., Any], shelf: Shelf, sqs: Sqs) -> None:
        said = kadr("visual", "--made-with", "old", "--dry-run")
        assert said.stdout.startswith("visual: 6 videos")
        would = json.loads(kadr("visual", "--made-with", "old", "-n", "--json").stdout)["would_extract"]
        assert sorted(made["videos"] for made in would) == [1, 5]
        assert not sqs.sent and shelf.state(OLD[0]) is StageState.DONE

    def test_it_asks_before_it_sends(self, kadr: Callable[..., Any], shelf: Shelf, sqs: Sqs) -> None:
        refused = kadr("visual", "--made-with", "old")
        assert refused.exit_code == 1
        assert "use --yes" in refused.stderr
        assert not sqs.sent and shelf.state(OLD[0]) is StageState.DONE

    def test_one_stage_or_all(self, kadr: Callable[..., Any], sqs: Sqs) -> None:
        assert json.loads(kadr("visual", "--made-with", "old", "-y", "--json").stdout) == {
            "sent": {"visual": 6}
        }
        assert len(sqs.sent["q/visual"]) == 6
        done = kadr("--state", "queued", "--yes")
        assert done.exit_code == 0
        assert "kadr status" in done.stderr
        assert {queue: len(bodies) for queue, bodies in sqs.sent.items()} == {
            "q/ingest": 8, "q/visual": 12, "q/ocr": 8, "q/speech": 8, "q/faces": 8
        }  # fmt: skip

    def test_there_is_none_of_that(self, kadr: Callable[..., Any], sqs: Sqs) -> None:
        none = kadr("visual", "--made-with", "nonsense", "--yes")
        assert none.exit_code == 0
        assert "none of that" in none.stderr
        assert json.loads(kadr("visual", "--made-with", "nonsense", "--json").stdout) == {"sent": {}}

    def test_interrupted_it_says_how_to_go_on(
        self, kadr: Callable[..., Any], sqs: Sqs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(*_: Any) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr("kadr.runtime.extracting.PAGE", 2)
            patch.setattr(Sqs, "get_queue_attributes", _after(2, Sqs.get_queue_attributes, interrupted))
            stopped = kadr("visual", "--all", "--prefix", "old ", "--yes")
        assert stopped.exit_code == 130
        assert len(sqs.sent["q/visual"]) == 4
        command = stopped.stderr.splitlines()[-1]
        assert command.startswith("kadr --stack prod extract visual --all --prefix 'old ' --before ")
        # The shelf was filled in that very second, which nobody's videos were.
        later = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%d")
        assert kadr("visual", "--all", "--prefix", "old ", "--before", later, "--yes").exit_code == 0
        assert len(sqs.sent["q/visual"]) == 5

    @pytest.mark.parametrize(
        "arguments",
        [("nonsense",), ("assemble", "--all"), ("--state", "running"), ("--all", "--made-with", "x"),
         ("--ahead", "0", "--all"), ("--before", "yesterday", "--all")],
    )  # fmt: skip
    def test_called_wrongly(self, kadr: Callable[..., Any], arguments: tuple[str, ...]) -> None:
        assert kadr(*arguments).exit_code == 2


def _after(calls: int, first: Callable[..., Any], then: Callable[..., Any]) -> Callable[..., Any]:
    count = 0

    def called(*arguments: Any, **named: Any) -> Any:
        nonlocal count
        count += 1
        return first(*arguments, **named) if count <= calls else then()

    return called
