"""Collections on disk: one ``EdgeShard`` each, and the aliases.

``qdrant_edge`` holds Python's interpreter lock while it works, so threads would buy nothing: everything
here is called from one thread, which is what serialises it. An update is in the shard's write-ahead log
when :meth:`Collection.apply` returns and survives the end of the process; :meth:`Collection.flush` moves
it into the segments and is called by a timer.

Building HNSW graphs takes long (1.3 s for 10,000 × 256 on two cores) and would hold up every request, so
a child process does it on a copy; the updates of that time are kept and done to the copy too before it
takes the place of the original.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import qdrant_edge as edge

from kadr_local.edge_codec import Json, RequestError, config_from

# Qdrant's default: a segment smaller than this is searched faster without an index.
INDEXING_THRESHOLD_KB = 10_000
_NAME = re.compile(r'[^<>:"/\\|?*\x00-\x1f]{1,255}')


def write_json(path: Path, content: Json) -> None:
    """Replace a file at once: a reader (or the next start) sees the old content or the new."""
    partial = path.with_name(path.name + ".new")
    with partial.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


@dataclass(slots=True)
class Collection:
    """An open shard and the request that it was created by."""

    folder: Path
    body: dict[str, Json]
    generation: int  # which copy of the shard is the current one
    shard: edge.EdgeShard
    pending: int  # bytes of vectors written since the last optimisation
    operations: int = 0
    dirty: bool = False
    optimising: bool = False
    _journal: list[edge.UpdateOperation] | None = None

    @classmethod
    def create(cls, folder: Path, body: dict[str, Json]) -> Collection:
        """Make a new collection from the body of the request."""
        config = config_from(body)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shard = edge.EdgeShard.create(str(folder / _shard_name(0)), config)
        collection = cls(folder, body, 0, shard, 0)
        collection._save(clean=False)
        return collection

    @classmethod
    def open(cls, folder: Path) -> Collection:
        """Open what was created before; what a crash has left half-made is removed."""
        state = json.loads((folder / "collection.json").read_text(encoding="utf-8"))
        current = _shard_name(state["generation"])
        for other in folder.glob("shard-*"):
            if other.name != current:
                shutil.rmtree(other)
        shard = edge.EdgeShard.load(str(folder / current))
        collection = cls(folder, state["body"], state["generation"], shard, state["pending"])
        if not state["clean"]:
            collection.pending = shard.info().points_count * _bytes_per_point(state["body"])
        collection._save(clean=False)
        return collection

    def apply(self, operation: edge.UpdateOperation) -> int:
        """Do one update; return its number."""
        self.operations += 1
        self.dirty = True
        if self._journal is not None:
            self._journal.append(operation)
        self.shard.update(operation)
        return self.operations

    def grown(self, points: int) -> None:
        """Say that vectors of so many points were written."""
        self.pending += points * _bytes_per_point(self.body)

    @property
    def wants_optimising(self) -> bool:
        """Whether enough was written for an index to pay."""
        optimizers = self.body.get("optimizers_config") or {}
        threshold = optimizers.get("indexing_threshold") or INDEXING_THRESHOLD_KB
        return not self.optimising and self.pending >= threshold * 1024

    def flush(self) -> None:
        """Move the write-ahead log into the segments."""
        if self.dirty:
            self.shard.flush()
            self.dirty = False

    def close(self) -> None:
        """Flush and let go of the files."""
        self.shard.flush()
        self.shard.close()
        self._save(clean=True)

    async def optimised(self) -> None:
        """Build indexes and drop deleted points, while the collection goes on answering."""
        self.optimising = True
        copy = self.folder / _shard_name(self.generation + 1)
        try:
            self.pending = 0  # first, so that a failure is not tried again at once
            shutil.rmtree(copy, ignore_errors=True)
            self.shard.flush()
            shutil.copytree(self.folder / _shard_name(self.generation), copy)
            self._journal = []
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "kadr_local.qdrant_store", str(copy), stderr=asyncio.subprocess.PIPE
            )
            _, problem = await child.communicate()
            if child.returncode != 0:
                words = problem.decode(errors="replace")[-500:]
                raise RuntimeError(f"optimising {self.folder.name}: {words}")
            self._switch(copy)
        finally:
            self._journal, self.optimising = None, False
            for other in self.folder.glob("shard-*"):
                if other.name != _shard_name(self.generation):
                    shutil.rmtree(other, ignore_errors=True)

    def _switch(self, copy: Path) -> None:
        if not self.folder.exists():  # the collection was deleted meanwhile
            return
        successor = edge.EdgeShard.load(str(copy))
        for operation in self._journal or []:
            try:
                successor.update(operation)
            except Exception:  # noqa: S112 - it failed on the original too, and was answered so
                continue
        successor.flush()
        predecessor, self.shard = self.shard, successor
        self.generation += 1
        self._save(clean=False)
        predecessor.close()

    def _save(self, *, clean: bool) -> None:
        write_json(
            self.folder / "collection.json",
            {"generation": self.generation, "clean": clean, "pending": self.pending, "body": self.body},
        )


@dataclass(slots=True)
class Store:
    """All collections below one folder."""

    root: Path
    collections: dict[str, Collection] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)

    @classmethod
    def open(cls, root: Path) -> Store:
        """Open every collection that is there."""
        store = cls(root)
        (root / "collections").mkdir(parents=True, exist_ok=True)
        for folder in sorted((root / "collections").iterdir()):
            if (folder / "collection.json").exists():
                store.collections[folder.name] = Collection.open(folder)
            else:  # a creation or a deletion that did not come to its end
                shutil.rmtree(folder)
        if (path := root / "aliases.json").exists():
            aliases = json.loads(path.read_text(encoding="utf-8"))
            store.aliases = {name: target for name, target in aliases.items() if target in store.collections}
        return store

    def get(self, name: str) -> Collection:
        """Return the collection of that name or alias."""
        found = self.collections.get(self.aliases.get(name, name))
        if found is None:
            raise RequestError(f"Not found: Collection `{name}` doesn't exist!", 404)
        return found

    def create(self, name: str, body: dict[str, Json]) -> None:
        """Create a collection."""
        if not _NAME.fullmatch(name) or name in (".", ".."):
            raise RequestError(f"Validation error in path parameters: {name!r} cannot be a name", 422)
        if name in self.collections:
            raise RequestError(f"Wrong input: Collection `{name}` already exists!", 409)
        if name in self.aliases:
            raise RequestError(
                f"Wrong input: `{name}` is an alias; delete it before creating a collection of that name"
            )
        self.collections[name] = Collection.create(self.root / "collections" / name, body)

    def delete(self, name: str) -> bool:
        """Delete a collection and its aliases; return whether it was there."""
        collection = self.collections.pop(name, None)
        if collection is None:
            return False
        self._set_aliases({alias: target for alias, target in self.aliases.items() if target != name})
        collection.shard.close()
        # Without its description the folder is rubbish, which the next start clears away.
        (collection.folder / "collection.json").unlink()
        shutil.rmtree(collection.folder)
        return True

    def change_aliases(self, actions: list[Mapping[str, Json]]) -> None:
        """Do all the actions, or none of them."""
        aliases = dict(self.aliases)
        for action in actions:
            ((kind, arguments),) = action.items()
            if kind == "create_alias":
                target, alias = arguments["collection_name"], arguments["alias_name"]
                if target not in self.collections:
                    raise RequestError(f"Not found: Collection `{target}` doesn't exist!", 404)
                if alias in self.collections:
                    raise RequestError(f"Wrong input: Collection `{alias}` already exists!", 409)
                aliases[alias] = target
            elif kind == "delete_alias":
                aliases.pop(arguments["alias_name"], None)
            elif kind == "rename_alias":
                old, new = arguments["old_alias_name"], arguments["new_alias_name"]
                if old not in aliases:
                    raise RequestError(f"Not found: Alias {old} does not exists!", 404)
                aliases[new] = aliases.pop(old)
            else:
                raise RequestError(f"Format error in JSON body: unknown alias action {kind!r}")
        self._set_aliases(aliases)

    def _set_aliases(self, aliases: dict[str, str]) -> None:
        if aliases != self.aliases:
            write_json(self.root / "aliases.json", aliases)
            self.aliases = aliases

    def __iter__(self) -> Iterator[Collection]:
        return iter(list(self.collections.values()))

    def close(self) -> None:
        """Flush and close everything."""
        for collection in self:
            collection.close()


def _shard_name(generation: int) -> str:
    return f"shard-{generation:04}"


def _bytes_per_point(body: Mapping[str, Any]) -> int:
    """Return the size of a point's dense vectors, as float32."""
    vectors = body.get("vectors") or {}
    every = [vectors] if isinstance(vectors.get("size"), int) else list(vectors.values())
    return 4 * sum(params["size"] for params in every)


def _optimise(path: str) -> None:
    shard = edge.EdgeShard.load(path)
    shard.optimize()
    shard.flush()
    shard.close()


if __name__ == "__main__":
    os.nice(10)
    _optimise(sys.argv[1])
