"""Fixtures that all tests share: the real embedded servers, once a worker, and a fresh installation for each test."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from filelock import FileLock
from free_ports import free_port_base
from hypothesis import settings as hypothesis_settings
from waiting import until

from millrace.accounts import passwords
from millrace.local.health import PortAnswers
from millrace.local.programs import Program, mongodb, s3
from millrace.settings import Home, Settings
from millrace.stores.artifacts import S3ArtifactStore
from millrace.stores.model_registry import MlflowRegistry
from millrace.stores.runs import MongoRunStore

for _name in {*Home.model_fields, *Settings.model_fields} - {"data_dir"}:
    os.environ.pop(_name.upper(), None)  # what the shell that starts the tests works with is nothing to them
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # each process would compile all modules anew: half a second and more
sys.dont_write_bytecode = False
os.environ["SERVING_ANONYMOUS_LIMIT"] = "none"  # tests ask more often than people do
# The same examples every day: what passes, passes again. New ones are looked for by --hypothesis-profile=thorough.
hypothesis_settings.register_profile("everyday", deadline=None, derandomize=True)  # a busy machine is slow, not wrong
hypothesis_settings.register_profile("thorough", deadline=None, max_examples=2_000)
hypothesis_settings.load_profile("everyday")


E2E = PurePosixPath("tests/e2e")


def pytest_collection_finish() -> None:
    """Let the access log end nowhere: a thread writes it, also between two tests, when nothing is captured."""
    if (logs := sys.modules.get("serving.logs")) is not None:
        logs._to_standard_error = lambda _: None


def pytest_unconfigure() -> None:
    """What a thread still logs when everything is over has nowhere to go, and need not be told of."""
    logging.raiseExceptions = False


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Workers take the tests file by file, and all of `tests/e2e` at once: one stack at a time is enough for a machine.

    They take them in the order of the folders: what takes longest comes first.
    """
    from xdist.scheduler import LoadFileScheduling

    class BySharing(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = PurePosixPath(nodeid.partition("::")[0])
            return str(E2E if E2E in file.parents else file)

    config.option.loadscopereorder = False
    return BySharing(config, log)


def start_program(program: Program, home: Path) -> subprocess.Popen[bytes]:
    """Start one program of the embedded stack and wait until its port answers."""
    home.mkdir(parents=True, exist_ok=True)
    (home / program.name).mkdir(exist_ok=True)
    with (home / f"{program.name}.log").open("ab") as log:
        process = subprocess.Popen(
            program.argv, env={**os.environ, **program.environment}, stdout=log, stderr=log, cwd=home
        )
    answers = program.probe("127.0.0.1")
    until(lambda: process.poll() is not None or answers(0), program.name)
    if process.poll() is not None:
        raise RuntimeError(f"{program.name} did not start: {(home / f'{program.name}.log').read_text()[-2000:]}")
    return process


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of this worker's own MongoDB and S3, which run until the session ends."""
    home = tmp_path_factory.mktemp("embedded")
    settings = Settings(millrace_home=home, millrace_port_base=free_port_base())
    processes = [start_program(program(settings), home) for program in (mongodb, s3)]
    yield settings
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()


@pytest.fixture(scope="session")
def migrated(pytestconfig: pytest.Config, embedded: Settings) -> Path:
    """An empty database of this MLflow: its migrations take seconds, a copy of the file none. Kept between sessions."""
    folder = pytestconfig.cache.mkdir(f"mlflow-{version('mlflow')}")
    kept = folder / "empty.db"
    with FileLock(folder / "lock"):
        if not kept.exists():
            home = folder / f"home-{uuid.uuid4().hex}"
            MlflowRegistry(embedded.model_copy(update={"millrace_home": home})).aliases()
            (home / "mlflow" / "mlflow.db").rename(kept)
            shutil.rmtree(home)
    return kept


@pytest.fixture(scope="session")
def new_installation(embedded: Settings, migrated: Path) -> Callable[[Path], Settings]:
    """Makes a fresh installation on the worker's servers: own home, own database, own bucket, MLflow on SQLite."""

    def make(home: Path) -> Settings:
        name = f"t{uuid.uuid4().hex[:12]}"
        changes = {"millrace_home": home, "mongodb_database": name, "s3_bucket": f"millrace-{name}"}
        fresh = embedded.model_copy(update=changes)
        (home / "mlflow").mkdir(parents=True)
        shutil.copy(migrated, home / "mlflow" / "mlflow.db")
        S3ArtifactStore(fresh).ensure_bucket()
        return fresh

    return make


@pytest.fixture
def settings(new_installation: Callable[[Path], Settings], tmp_path: Path) -> Settings:
    """The test's own installation."""
    return new_installation(tmp_path / "home")


@pytest.fixture(scope="module", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Hash passwords with little work in this process: that it is slow on purpose is a test of its own."""

    def forget() -> None:
        for made in (passwords._hasher, passwords._nobody):
            made.cache_clear()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "COST", (1, 64, 1))
        forget()
        yield
    forget()


@pytest.fixture
def run_store(settings: Settings) -> MongoRunStore:
    """The run store of the test's installation."""
    return MongoRunStore(settings)


@pytest.fixture
def artifact_store(settings: Settings) -> S3ArtifactStore:
    """The artifact store of the test's installation."""
    return S3ArtifactStore(settings)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder with the real public data, from DATA_DIR or beside the checkout."""
    folder = Path(os.environ.get("DATA_DIR") or Path(__file__).parents[1].parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("the real public data is not here: set DATA_DIR to its folder")
    return folder


class RedisServer:
    """A `redis-server` of the tests' own, on a free port and without a file; it may be killed and started again."""

    def __init__(self) -> None:
        self.port = free_port_base()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        options = {"--port": str(self.port), "--bind": "127.0.0.1", "--save": "", "--appendonly": "no"}
        argv = ["redis-server", *(part for option in options.items() for part in option)]
        self._process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        answers, process = PortAnswers("127.0.0.1", self.port), self._process
        until(lambda: process.poll() is not None or answers(0), "redis-server")
        assert process.poll() is None, f"redis-server ended with {process.returncode}"

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(timeout=10)


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A real Redis for one test: `.url`, `.kill()`, `.start()`."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not on PATH: scripts/install-debian-packages.sh installs it")
    server = RedisServer()
    server.start()
    yield server
    server.kill()
