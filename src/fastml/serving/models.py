"""Many models in one server: loaded by name, and again when asked for, within a memory budget."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
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
LOADERS = 2
"""Models that are loaded at once, on threads of their own: predictions do not wait for them."""


@dataclass(slots=True, eq=False)
class _Model:
    """A model that was told of, in memory or not."""

    folder: Path
    handler: Handler | None = None
    size: int = 0
    """Bytes that it takes while it is in memory."""
    asked: int = 0
    """When it was last asked for: the higher, the later."""
    loading: Future[Handler] | None = None


class Models:
    """Models by name, those asked for last in memory. Threads may share one.

    A model whose memory others need is let go, but not forgotten: who asks for it waits for it to
    be loaded again.

    Parameters
    ----------
    load : callable
        Opens the model of a folder.
    memory : int
        Bytes that the models in memory, and those on their way, may take together, as their files
        tell.
    """

    def __init__(self, load: Callable[[Path], Handler], memory: int) -> None:
        self._load, self._memory = load, memory
        self._models: dict[str, _Model] = {}
        self._taken = 0
        self._clock = itertools.count(1)
        self._changed = threading.Condition()
        self._loaders = ThreadPoolExecutor(LOADERS, thread_name_prefix="fastml-load")

    def add(self, name: str, url: str) -> Future[Handler]:
        """Begin to load a model, and remember it if it can be.

        Returns
        -------
        concurrent.futures.Future of Handler
            Raises RefusedError: 404 where there is no model, 507 if it takes more memory than
            there is for all.

        Raises
        ------
        RefusedError
            400 without a name or a place, 409 if the name is taken.
        """
        if not _NAME.fullmatch(name) or name == "invoke" or not url:
            raise RefusedError(
                HTTPStatus.BAD_REQUEST,
                "expected {'model_name': NAME, 'url': FOLDER}, with a name of up to 256 letters, "
                "digits, points, dashes and underscores",
            )
        with self._changed:
            if name in self._models:
                raise RefusedError(HTTPStatus.CONFLICT, f"the model {name!r} is loaded already")
            model = self._models[name] = _Model(Path(url), asked=next(self._clock))
            model.loading = self._loaders.submit(self._loaded, name, model, new=True)
            return model.loading

    def remove(self, name: str) -> None:
        """Let go of a model, and forget it.

        Raises
        ------
        RefusedError
            404 if there is none of that name.
        """
        with self._changed:
            self._let_go(self._named(name))
            del self._models[name]

    def listed(self) -> list[dict[str, str]]:
        """Return the names and places of the models, as SageMaker asks for them."""
        with self._changed:
            return [_described(name, model) for name, model in self._models.items()]

    def described(self, name: str) -> dict[str, str]:
        """Return the name and the place of a model.

        Raises
        ------
        RefusedError
            404 if there is none of that name.
        """
        with self._changed:
            return _described(name, self._named(name))

    def held(self, name: str) -> Handler | None:
        """Return what answers for a model, if it is in memory.

        Raises
        ------
        RefusedError
            404 if there is none of that name.
        """
        with self._changed:
            model = self._named(name)
            model.asked = next(self._clock)
            return model.handler

    def get(self, name: str) -> Future[Handler]:
        """Load a model that was let go; who asks for it at once shares one load.

        Returns
        -------
        concurrent.futures.Future of Handler
            Raises as that of `add` does.

        Raises
        ------
        RefusedError
            404 if there is none of that name.
        """
        with self._changed:
            model = self._named(name)
            model.asked = next(self._clock)
            if model.loading is None:
                model.loading = self._loaders.submit(self._loaded, name, model)
            return model.loading

    def _named(self, name: str) -> _Model:
        if name not in self._models:
            raise RefusedError(HTTPStatus.NOT_FOUND, f"there is no model {name!r}")
        return self._models[name]

    # -- on the threads that load -----------------------------------------------------------------

    def _loaded(self, name: str, model: _Model, *, new: bool = False) -> Handler:
        done = False
        try:
            handler = model.handler or self._opened(name, model)
            done = True
            return handler
        finally:
            with self._changed:
                model.loading = None
                if new and not done and self._models.get(name) is model:
                    del self._models[name]

    def _opened(self, name: str, model: _Model) -> Handler:
        size = 0
        try:
            size = self._reserved(name, max(GROWTH * _bytes_in(model.folder), LEAST))
            handler = self._load(model.folder)
            with self._changed:
                if self._models.get(name) is model:  # else it was removed meanwhile
                    model.handler, model.size, size = handler, size, 0
            return handler
        except (ArtifactError, OSError) as error:
            raise RefusedError(HTTPStatus.NOT_FOUND, str(error)) from error
        finally:
            with self._changed:
                self._taken -= size
                self._changed.notify_all()

    def _reserved(self, name: str, size: int) -> int:
        """Take memory for a model, letting go of those asked for longest ago."""
        if size > self._memory:
            raise RefusedError(
                HTTPStatus.INSUFFICIENT_STORAGE,
                f"the model {name!r} takes about {size:,} bytes of memory; there are "
                f"{self._memory:,} for all models",
            )
        with self._changed:
            while self._taken + size > self._memory:
                held = [each for each in self._models.values() if each.handler is not None]
                if held:
                    self._let_go(min(held, key=lambda each: each.asked))
                else:
                    self._changed.wait()  # for one that is on its way
            self._taken += size
        return size

    def _let_go(self, model: _Model) -> None:
        self._taken -= model.size
        model.handler, model.size = None, 0
        self._changed.notify_all()


def _described(name: str, model: _Model) -> dict[str, str]:
    return {"modelName": name, "modelUrl": str(model.folder)}


def _bytes_in(folder: Path) -> int:
    """Return the bytes of a model's files, which lie side by side, those of a run in `model`.

    Whoever names a folder may name any: what is below it is not looked at.
    """
    within = folder / "model" if (folder / "model").is_dir() else folder
    if not within.is_dir():
        return 0
    return sum(file.stat().st_size for file in within.iterdir() if file.is_file())
