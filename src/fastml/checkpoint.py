"""Saves what is being learned, so that a training that was cut off goes on where it was.

What a training leads to depends on what it is given and on nothing else. So each is known by a
fingerprint of all of that (rows, settings, start), under which a folder holds its state while it is
under way, and afterwards its result. Whatever fits models, be it in one training or in a hundred,
is then simply done again: what was finished is found, what was under way goes on, to the same
model, to the last bit; and where anything has changed, nothing is found and all begins anew.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar, Token
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fastml._typing import PathLike
from fastml.atomic import atomic_path, clear_torn
from fastml.data.checked_file import CheckedReader, CheckedWriter, UnusableError
from fastml.errors import ConfigError, DataError, StoppedError

__all__ = ["Checkpoint", "Resumable", "Saver", "State", "current"]

State: TypeAlias = Mapping[str, NDArray[Any]]
"""What something is in the middle of, as arrays by name, of one dimension or more."""

MAGIC = b"fastmlC\n"
VERSION = 1
SHARE = 20.0
"""So many times as long as saving takes, training goes on at least before it is saved again."""
UNWRITTEN = 64 << 20
"""Bytes of results that may wait to be written."""
_SUFFIX = ".training"


class Resumable(Protocol):
    """What can be put back into a state that it was in."""

    def state(self) -> State:
        """Return all that what comes next depends on."""

    def restore(self, state: State) -> None:
        """Be as when `state` returned this; the arrays are not to be kept."""


class Checkpoint:
    """A folder in which every training inside ``with`` saves its state at intervals.

    When the body ends without an error, what was saved of its trainings is removed (and nothing
    else that lies there). When it does not, the same body
    under another `Checkpoint` of the same folder goes on where this one was, and ends with the same
    model to the last bit: on the same rows, with the same settings, release and kind of processor.
    A `time_budget` is a promise of time and not of a model: it begins anew, and no two runs that it
    ends are the same.

    Parameters
    ----------
    folder : str or Path
        Made when there is something to save, removed when it is empty again.
    every : float
        Seconds between one saving and the next; more where saving takes more than a twentieth of
        the time.
    resume : bool
        False: look for nothing that an earlier one saved.

    Attributes
    ----------
    found : int
        Trainings whose result was there.
    resumed : int
        Those that went on from a saved state.

    Examples
    --------
    >>> with Checkpoint("state"):  # doctest: +SKIP
    ...     model = fastml.Pipeline(target="churn").fit("customers.parquet")
    """

    def __init__(self, folder: PathLike, *, every: float = 60.0, resume: bool = True) -> None:
        self.folder = Path(folder)
        if self.folder.is_file():
            raise ConfigError(f"checkpoint {str(folder)!r} is a file; name a folder")
        if not every >= 0.0:
            raise ConfigError(f"every is {every!r}; expected a number of seconds of at least 0")
        self.found = self.resumed = 0
        self._every = every
        self._before = sorted(self.folder.glob(f"*{_SUFFIX}"))
        self.resume = resume
        self._earlier = list(self._before) if resume else []
        self._own: set[Path] = set()  # what these trainings are or may be saved in
        self._saved = False
        self._finished: list[tuple[Saver, State]] = []  # not written yet
        self._stopping = False
        self._under_way = 0  # trainings that save their state
        self._last = time.monotonic()
        self._took = 0.0
        self._lock = RLock()  # parts of a training may end on several threads
        self._token: Token[Checkpoint | None] | None = None

    def __enter__(self) -> Self:
        self._last = time.monotonic()
        self._token = _current.set(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._token is not None
        _current.reset(self._token)
        if error is None:
            self._clear()
        elif self._saved and not isinstance(error, StoppedError):
            error.add_note(f"what was learned until it was last saved is in {self.folder}")

    def _clear(self) -> None:
        """Remove what was saved of these trainings, and the folder, if it then is empty."""
        if self._before:  # of the same trainings, perhaps
            self._own |= {
                saver.path(what) for saver, _ in self._finished for what in ("done", "state")
            }
        for path in self._own:
            path.unlink(missing_ok=True)
            if self.folder.is_dir():
                clear_torn(path)
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    @property
    def holds_something(self) -> bool:
        """Whether there is something that was saved before."""
        return bool(self._before)

    @property
    def looks(self) -> bool:
        """Whether there is anything to go on from, and it is wanted."""
        return bool(self._earlier)

    @property
    def of_no_use(self) -> bool:
        """Whether all that was there to go on from is of other trainings."""
        return self.looks and self.found + self.resumed == 0

    def stop(self) -> bool:
        """Ask the training that is under way to save its state and to end with a `StoppedError`.

        Returns
        -------
        bool
            Whether one will; False if none is under way, or was asked before.
        """
        asked = not self._stopping and self._under_way > 0
        self._stopping |= asked
        return asked

    def earlier(self, key: Callable[[], str]) -> State | None:
        """Return the facts that were saved with any part of a training, if any was."""
        if not self._earlier:
            return None
        name = key()
        saved = (self.read(path) for path in [*self._earlier] if path.name.startswith(name))
        return next((state for state in saved if state is not None), None)

    def training(
        self,
        key: Callable[[], str],
        part: str,
        train: Callable[[Saver], State],
        *,
        facts: State,
        saves: bool = True,
    ) -> State:
        """Return the result of a part of a training: the one that was saved, or else of `train`.

        Parameters
        ----------
        key : callable
            Returns what tells the training from all others; called when it is needed.
        part : str
            Tells the part from others.
        train : callable
            Trains, and saves through what it is given.
        facts : dict of str to arrays
            Saved beside it, for `earlier`.
        saves : bool
            Whether it does; else it has no state between its begin and its end.
        """
        saver = Saver(self, key, part, facts)
        result = saver.done()
        if result is not None:
            with self._lock:
                self.found += 1
                self._own.add(saver.path("state"))
            return result
        with self._lock:
            self._under_way += saves
        try:
            result = train(saver)
        finally:
            with self._lock:
                self._under_way -= saves
        with self._lock:
            self._finished.append((saver, result))
            waiting = sum(a.nbytes for _, each in self._finished for a in each.values())
            if self.due or waiting > UNWRITTEN:
                self.save()
        return result

    @property
    def due(self) -> bool:
        """Whether it is time to save."""
        wait = max(self._every, SHARE * self._took)
        return self._stopping or time.monotonic() - self._last >= wait

    def save(self, under_way: tuple[Path, State] | None = None) -> None:
        """Write what is finished, and a state; end the training, if that was asked for.

        A disk that is full ends none: the next time there may be room.

        Raises
        ------
        StoppedError
            If it was asked to stop.
        """
        began = time.monotonic()
        try:
            with self._lock:
                while self._finished:
                    saver, result = self._finished[-1]
                    self._write(saver.path("done"), saver.facts | dict(result))
                    self._finished.pop()
                    saver.path("state").unlink(missing_ok=True)
            if under_way is not None:
                self._write(*under_way)
        except (DataError, OSError) as error:
            if self._stopping:
                raise StoppedError(f"stopped as asked; not all could be saved: {error}") from error
            warnings.warn(f"not saved: {error}; training goes on", RuntimeWarning, stacklevel=2)
        self._last = time.monotonic()
        self._took = self._last - began
        if self._stopping:
            raise StoppedError(f"stopped as asked; what was learned is saved in {self.folder}")

    def _write(self, path: Path, arrays: State) -> None:
        self._own.add(path)
        with atomic_path(path) as beside, beside.open("wb") as file:
            writer = CheckedWriter(file, MAGIC, VERSION)
            places = [
                [name, array.dtype.str, list(array.shape), *writer.add(array)]
                for name, array in arrays.items()
            ]
            writer.finish({"arrays": places})
        self._saved = True

    def read(self, path: Path) -> State | None:
        """Return the arrays of a file that was there before, if it was, and is whole.

        They lie in the file, to be copied.
        """
        self._own.add(path)
        if path not in self._earlier:
            return None
        try:
            reader = CheckedReader(path, MAGIC, VERSION)
            return {
                name: reader.arrays(start, checksum, [(np.dtype(dtype), tuple(shape))])[0]
                for name, dtype, shape, start, checksum in reader.footer["arrays"]
            }
        except UnusableError as reason:
            said = str(reason)
        except (KeyError, TypeError, ValueError) as error:
            said = f"it is not whole ({error})"
        self._earlier.remove(path)
        warnings.warn(
            f"{path} cannot be gone on from: {said}; that training begins anew",
            RuntimeWarning,
            stacklevel=2,
        )
        return None


_current: ContextVar[Checkpoint | None] = ContextVar("checkpoint", default=None)


def current() -> Checkpoint | None:
    """Return the checkpoint inside whose ``with`` this is called; other threads see none."""
    return _current.get()


class Saver:
    """Saves the state of one training: of what has been given to `keep`, by its name.

    Without a checkpoint it saves nothing.

    Parameters
    ----------
    checkpoint : Checkpoint, optional
    key, part, facts
        As of `Checkpoint.training`.
    """

    def __init__(
        self,
        checkpoint: Checkpoint | None = None,
        key: Callable[[], str] = str,
        part: str = "",
        facts: State | None = None,
    ) -> None:
        self.facts = dict(facts or {})
        self._checkpoint = checkpoint
        self._key, self._part = key, part
        self._kept: dict[str, Resumable] = {}
        self._saved: State | None = None
        self._looked = False

    def path(self, what: str) -> Path:
        """Return the file of its "state", or of its result when it is "done"."""
        assert self._checkpoint is not None
        return self._checkpoint.folder / f"{self._key()}.{self._part}.{what}{_SUFFIX}"

    def keep(self, name: str, part: Resumable) -> bool:
        """Save a part from now on; return whether it was restored to what was saved before."""
        self._kept[name] = part
        saved = self._restored()
        if saved is None:
            return False
        begin = f"{name}/"
        part.restore({k.removeprefix(begin): v for k, v in saved.items() if k.startswith(begin)})
        return True

    def save_if_due(self) -> None:
        """Save all parts, if it is time to.

        Raises
        ------
        StoppedError
            If the training was asked to stop; it is saved.
        """
        if self._checkpoint is not None and self._checkpoint.due:
            self._checkpoint.save((self.path("state"), self.facts | dict(self._state())))

    def _state(self) -> Iterator[tuple[str, NDArray[Any]]]:
        for name, part in self._kept.items():
            for of_part, array in part.state().items():
                yield f"{name}/{of_part}", array

    def done(self) -> State | None:
        """Return the result, if it was saved."""
        checkpoint = self._checkpoint
        if checkpoint is None or not checkpoint.looks:
            return None
        return checkpoint.read(self.path("done"))

    def _restored(self) -> State | None:
        checkpoint = self._checkpoint
        if not self._looked and checkpoint is not None and checkpoint.looks:
            self._saved = checkpoint.read(self.path("state"))
            checkpoint.resumed += self._saved is not None
        self._looked = True
        return self._saved
