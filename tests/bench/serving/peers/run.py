"""Starts a peer with the forest and loads it: one worker, 16 connections, one row a request."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from servers import Load, free_port, loaded, program

HERE = Path(__file__).parent
ENVIRONMENTS = Path.cwd() / ".bench"
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Peer:
    """A model server, what it is installed from, and how it is asked."""

    name: str
    requirements: tuple[str, ...]
    serve: Callable[[Path, Path], Iterator[str]]
    body: Callable[[list[float]], object]


def measured(peer: Peer, home: Path, row: list[float], seconds: float) -> Load:
    """What the peer gives. Raises RuntimeError where it cannot be installed or does not answer."""
    binaries = installed(peer)
    body = home / f"{peer.name}.json"
    body.write_text(json.dumps(peer.body(row)))
    with contextmanager(peer.serve)(home, binaries) as url:
        return loaded(url, body, seconds=seconds, tolerate_failures=True)


def installed(peer: Peer) -> Path:
    """The folder of a peer's programs; the environment is made where it is not there yet."""
    if not peer.requirements:
        return BIN
    folder = ENVIRONMENTS / peer.name
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        _run([BIN / "uv", "venv", "--quiet", "--clear", "--python", sys.executable, folder])
        _run([BIN / "uv", "pip", "install", "--quiet", "--python", python, *peer.requirements])
        (folder / "ready").touch()
    return folder / "bin"


def _run(argv: list[object], **about: object) -> None:
    found = subprocess.run([str(part) for part in argv], check=False, capture_output=True, text=True, **about)
    if found.returncode:
        raise RuntimeError(f"{argv[0]} {argv[1]} failed: {found.stderr.strip().splitlines()[-1:]}")


def _forest(home: Path, binaries: Path) -> Path:
    file = home / f"forest-{binaries.parent.name}.joblib"
    _run([binaries / "python", HERE / "forest.py", file])
    return file


def _mlserver(home: Path, binaries: Path) -> Iterator[str]:
    folder, port = home / "mlserver", free_port()
    folder.mkdir()
    about = {"http_port": port, "grpc_port": free_port(), "metrics_port": free_port()}
    (folder / "settings.json").write_text(json.dumps({"host": "127.0.0.1", "parallel_workers": 0, **about}))
    model = {
        "name": "forest",
        "implementation": "mlserver_sklearn.SKLearnModel",
        "max_batch_size": 64,
        "max_batch_time": 0.005,
        "parameters": {"uri": str(_forest(home, binaries))},
    }
    (folder / "model-settings.json").write_text(json.dumps(model))
    with program([str(binaries / "mlserver"), "start", str(folder)], port, {}, home / "mlserver.log"):
        yield f"http://127.0.0.1:{port}/v2/models/forest/infer"


def _bentoml(home: Path, binaries: Path) -> Iterator[str]:
    port = free_port()
    environment = {"BENCH_FOREST": str(_forest(home, binaries)), "BENTOML_DO_NOT_TRACK": "true"}
    environment |= {"BENTOML_HOME": str(home / "bento"), "PATH": f"{binaries}:{os.environ['PATH']}"}
    argv = [str(binaries / "bentoml"), "serve", "bento_service:Forest", "--working-dir", str(HERE)]
    argv += ["--host", "127.0.0.1", "--port", str(port)]
    with program(argv, port, environment, home / "bentoml.log"):
        yield f"http://127.0.0.1:{port}/predict"


def _mlflow(home: Path, binaries: Path) -> Iterator[str]:
    port, folder = free_port(), home / "mlflow-model"
    _run([binaries / "python", HERE / "mlflow_model.py", _forest(home, binaries), folder])
    argv = [str(binaries / "mlflow"), "models", "serve", "-m", str(folder), "-p", str(port), "-h", "127.0.0.1"]
    argv += ["--env-manager", "local", "--workers", "1"]
    environment = {"MLFLOW_DISABLE_TELEMETRY": "true", "PATH": f"{binaries}:{os.environ['PATH']}"}
    with program(argv, port, environment, home / "mlflow-serve.log"):
        yield f"http://127.0.0.1:{port}/invocations"


PEERS = (
    Peer(
        "MLServer",
        ("mlserver>=1.7", "mlserver-sklearn>=1.7"),
        _mlserver,
        lambda row: {"inputs": [{"name": "x", "shape": [1, len(row)], "datatype": "FP64", "data": row}]},
    ),
    Peer("BentoML", ("bentoml>=1.4", "scikit-learn"), _bentoml, lambda row: {"rows": [row]}),
    Peer("mlflow models serve", (), _mlflow, lambda row: {"inputs": [row]}),
)
