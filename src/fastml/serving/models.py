"""Many models in one server: loaded by name, and again when asked for, within a memory budget."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

from fastml.errors import ArtifactError
from fastml.serving.handler import Handler
from fastml.serving.refused import RefusedError

__all__ = ["Models"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,255}")
GROWTH = 4
"""Times its files that a model takes in memory."""
LEAST = 1 << 20
"""Bytes that one takes at least."""


class Models:
    """Models by name, those asked for last in memory. Threads may share one.

    A model whose memory others need is let go, but not forgotten: who asks for it waits for it to
    be loaded again.

    Parameters
    ----------
    load : callable
        Opens the model of a folder.
    memory : int
        Bytes that the models in memory may take together, as their files tell.
    """

    def __init__(self, load: Callable[[Path], Handler], memory: int) -> None:
        self._load, self._memory = load, memory
        self._folders: dict[str, Path] = {}
        self._held: OrderedDict[str, tuple[Handler, int]] = OrderedDict()
        self._lock = threading.Lock()
        self._loading: dict[str, threading.Lock] = {}

    def add(self, name: str, url: str) -> None:
        """Load a model.

        Raises
        ------
        RefusedError
            400 without a name or a place, 404 where there is no model, 409 if the name is taken,
            507 if it takes more memory than there is for all.
        """
        if not _NAME.fullmatch(name) or name == "invoke" or not url:
            raise RefusedError(
                HTTPStatus.BAD_REQUEST,
                "expected {'model_name': NAME, 'url': FOLDER}, with a name of up to 256 letters, "
                "digits, points, dashes and underscores",
            )
        with self._lock:
            if name in self._folders:
                raise RefusedError(HTTPStatus.CONFLICT, f"the model {name!r} is loaded already")
            self._folders[name] = Path(url)
        loaded = False
        try:
            self.get(name)
            loaded = True
        finally:
            if not loaded:
                with self._lock:
                    self._folders.pop(name, None)

    def remove(self, name: str) -> None:
        """Let go of a model, and forget it.

        Raises
        ------
        RefusedError
            404 if there is none of that name.
        """
        with self._lock:
            self._folder(name)
            del self._folders[name]
            self._held.pop(name, None)
            self._loading.pop(name, None)

    def listed(self) -> list[dict[str, str]]:
        """Return the names and places of the models, as SageMaker asks for them."""
        with self._lock:
            names = list(self._folders.items())
        return [{"modelName": name, "modelUrl": str(folder)} for name, folder in names]

    def described(self, name: str) -> dict[str, str]:
        """Return the name and the place of a model.

        Raises
        ------
        RefusedError
            404 if there is none of that name.
        """
        with self._lock:
            return {"modelName": name, "modelUrl": str(self._folder(name))}

    def held(self, name: str) -> Handler | None:
        """Return what answers for a model, if it is in memory.

        Raises
        ------
        RefusedError
            404 if there is none of that name.
        """
        with self._lock:
            self._folder(name)
            if name not in self._held:
                return None
            self._held.move_to_end(name)
            return self._held[name][0]

    def get(self, name: str) -> Handler:
        """Return what answers for a model, loading it where it was let go.

        Raises
        ------
        RefusedError
            404, 507: as `add` does.
        """
        with self._lock:
            folder = self._folder(name)
            loading = self._loading.setdefault(name, threading.Lock())
        with loading:  # those who ask at once wait for one load
            found = self.held(name)
            if found is not None:
                return found
            size = max(GROWTH * _bytes_in(folder), LEAST)
            if size > self._memory:
                raise RefusedError(
                    HTTPStatus.INSUFFICIENT_STORAGE,
                    f"the model {name!r} takes about {size:,} bytes of memory; there are "
                    f"{self._memory:,} for all models",
                )
            self._make_room(self._memory - size)
            try:
                handler = self._load(folder)
            except ArtifactError as error:
                raise RefusedError(HTTPStatus.NOT_FOUND, str(error)) from error
            with self._lock:
                if self._folders.get(name) is folder:  # else it was removed meanwhile
                    self._held[name] = handler, size
            return handler

    def _folder(self, name: str) -> Path:
        if name not in self._folders:
            raise RefusedError(HTTPStatus.NOT_FOUND, f"there is no model {name!r}")
        return self._folders[name]

    def _make_room(self, room: int) -> None:
        """Let go of those asked for longest ago until the others take no more than this."""
        with self._lock:
            while sum(size for _, size in self._held.values()) > room:
                self._held.popitem(last=False)


def _bytes_in(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
