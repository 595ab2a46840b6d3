"""A registry with a real model, and the service as a real server on a port of its own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from in_process import on_port
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from waiting import until

from millrace.compiled.form import compiled_form
from millrace.features.row_features import RowFeatures
from millrace.local.programs import Program
from millrace.settings import Settings
from millrace.stores.model_format import model_bytes
from millrace.stores.model_registry import MlflowRegistry
from millrace.stores.tracking import NewVersion, TrackedRun
from serving.app import create_app
from serving.quick.protocol import QuickProtocol

NAME = "mill-flow"
LOOP = "serving.quick.loop:new_event_loop"


@pytest.fixture(autouse=True)
def _operators(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks may also reload models."""
    monkeypatch.setenv("SERVING_ANONYMOUS_ROLE", "operator")


@pytest.fixture(scope="session")
def inputs() -> pd.DataFrame:
    """Numbers with a gap, a whole number, a category, a boolean and a time."""
    random = np.random.default_rng(3)
    count = 80
    table = pd.DataFrame(
        {
            "T": random.normal(15, 5, count),
            "RH": random.uniform(20, 90, count),
            "wheels": random.integers(1, 5, count),
            "district": random.choice(["north", "south"], count),
            "open": random.choice([True, False], count),
            "observed_at": pd.date_range("2024-01-01", periods=count, freq="h"),
        }
    )
    table.loc[3, "RH"] = np.nan
    return table


@pytest.fixture(scope="session")
def fitted(inputs: pd.DataFrame) -> Callable[[float], Any]:
    """Makes a Pipeline as training makes one, whose answers grow with `factor`."""

    def fit(factor: float) -> Any:
        features = RowFeatures([{"step": "calendar", "column": "observed_at", "parts": ["hour"]}])
        hour = [name for name in features.fit(inputs).outputs_ if "hour" in name]
        encode = make_column_transformer(
            (SimpleImputer(), ["T", "RH", "wheels", "open", *hour]),
            (OneHotEncoder(handle_unknown="ignore"), ["district"]),
        )
        truth = factor * (1000 + inputs["T"] + inputs["wheels"])
        return make_pipeline(features, encode, Ridge()).fit(inputs, truth)

    return fit


@pytest.fixture
def registry(settings: Settings) -> MlflowRegistry:
    """The model registry of the test's installation."""
    return MlflowRegistry(settings)


@pytest.fixture(scope="session")
def registering(inputs: pd.DataFrame) -> Callable[[MlflowRegistry], Callable[..., str]]:
    """What registers in a registry a Pipeline and makes it the champion; it returns its version.

    Served `compiled` it needs no process of its own, which takes seconds to start.
    """

    def at(registry: MlflowRegistry) -> Callable[..., str]:
        def make(
            model: Any,
            run_id: str = "run-1",
            name: str = NAME,
            files: dict[str, bytes] | None = None,
            compiled: bool = False,
        ) -> str:
            tags = {"millrace.run_id": run_id, "millrace.candidate": "ridge", "millrace.task": "regression"}
            tracked = registry.track(
                TrackedRun(experiment=name, name="ridge", tags=tags, params={}, metrics={}, started=1.0, finished=2.0)
            )
            example = inputs.dropna().head(3)
            made = registry.register(
                NewVersion(
                    name=name,
                    mlflow_run_id=tracked,
                    content=model_bytes(model),
                    tags=tags,
                    metadata={"task": "regression", "targets": ["flow"], "metrics": {"rmse": 0.25}},
                    example=example,
                    prediction=model.predict(example),
                    kinds=dict(model[0].inputs_),
                    optional=frozenset({"RH"}),
                    files=compiled_form(model, inputs).files() if compiled else files or {},
                )
            )
            registry.set_alias(name, "champion", made.version)
            return str(made.version)

        return make

    return at


@pytest.fixture
def register(
    registry: MlflowRegistry, registering: Callable[[MlflowRegistry], Callable[..., str]]
) -> Callable[..., str]:
    """Registers a Pipeline in the test's installation."""
    return registering(registry)


@pytest.fixture
def row(inputs: pd.DataFrame) -> dict[str, Any]:
    """A row as a client sends it."""
    return json.loads(inputs.head(1).to_json(orient="records", date_format="iso", date_unit="us"))[0]


def _two(register: Any, registry: MlflowRegistry, fitted: Any, **how: Any) -> tuple[str, str]:
    first = register(fitted(1.0), **how)
    second = register(fitted(7.0), "run-2", **how)
    registry.set_alias(NAME, "champion", first)
    registry.set_alias(NAME, "challenger", second)
    return first, second


@pytest.fixture
def two(register: Any, registry: MlflowRegistry, fitted: Any) -> tuple[str, str]:
    """The champion and a challenger, which are served compiled."""
    return _two(register, registry, fitted, compiled=True)


@pytest.fixture
def two_apart(register: Any, registry: MlflowRegistry, fitted: Any) -> tuple[str, str]:
    """The champion and a challenger, which are served by scikit-learn, in a process apart."""
    return _two(register, registry, fitted)


@contextmanager
def running(settings: Settings) -> Iterator[httpx.Client]:
    """The service on a real port; ready when its first look at the registry is over."""
    app = create_app(settings)
    with (
        on_port(app, http=QuickProtocol, loop=LOOP, proxy_headers=False) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        until(lambda: app.state.services.watcher.started, "the first look at the registry", pause=0.02)
        yield client


@pytest.fixture
def away(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Settings]:
    """Makes settings of the same installation with nothing behind its addresses, which is soon found out."""

    def nowhere() -> Settings:
        monkeypatch.setattr("millrace.connections.CONNECT_SECONDS", 0.5)
        return settings.model_copy(update={"millrace_port_base": 9, "mlflow_tracking_uri": "http://127.0.0.1:9"})

    return nowhere


@pytest.fixture
def wait() -> Callable[..., Any]:
    """Waits until something holds, a minute at most."""
    return until


@pytest.fixture(scope="session")
def start() -> Callable[[Settings], Any]:
    """Starts a service: `with start(settings) as client`."""
    return running


@pytest.fixture
def run_program() -> Iterator[Callable[[Program, dict[str, str], Path], None]]:
    """Starts a program of the stack as a process of its own, and ends it after the test."""
    started: list[subprocess.Popen[bytes]] = []

    def run(program: Program, environment: dict[str, str], home: Path) -> None:
        with (home / f"{program.name}.log").open("ab") as log:
            started.append(
                subprocess.Popen(program.argv, env={**os.environ, **environment}, stdout=log, stderr=log, cwd=home)
            )

    yield run
    for process in started:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "millrace")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert, private = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return cert, private
