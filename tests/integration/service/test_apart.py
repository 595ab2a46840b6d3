"""Models that are not compiled predict in a process beside the worker, which may die and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import Any

import httpx
import numpy as np
import psutil
import pytest

from millrace.errors import StorageError
from serving.apart.process import Apart
from serving.failures import ProcessDiedError
from serving.runtime.estimator_file import EstimatorFile
from serving.runtime.model_files import ModelFiles, open_model
from serving.runtime.predictors import held

pytestmark = pytest.mark.integration
PATH = "/api/v1/models/mill-flow/predict"


def rows_of(inputs) -> list[dict[str, Any]]:
    return json.loads(inputs.dropna().head(12).to_json(orient="records", date_format="iso"))


def process_of(service=None) -> psutil.Process:
    """The process of predictions, of this process or of one of its children."""
    (found,) = [one for one in (service or psutil.Process()).children(recursive=True) if is_process(one)]
    return found


def is_process(one: psutil.Process) -> bool:
    try:
        return "spawn_main" in " ".join(one.cmdline())
    except psutil.Error:  # it has just ended
        return False


def held_by(apart: Apart) -> int:
    """How many versions the process holds."""
    return apart.run(eval, "len(__import__('serving.runtime.predictors.held', fromlist=['_models'])._models)")


@pytest.fixture
def apart():
    process = Apart("predictions", lanes=3)
    yield process
    process.close()


@pytest.fixture
def opened(registry, register, fitted, settings, apart):
    """Opens a version of the registry in the process; its files lie where the second value says."""

    def make(factor: float = 1.0):
        number = register(fitted(factor), f"run-{factor}")
        version = registry.version("mill-flow", number)
        files = ModelFiles(settings.millrace_home / "models")
        folder = files.fetch(version, registry.download)
        return open_model(version, folder, apart=apart), folder

    return make


def test_a_version_is_held_in_the_process_alone_and_goes_when_nobody_needs_it(opened, apart, inputs, fitted, wait):
    (first, _), (second, _) = opened(1.0), opened(7.0)
    assert (first.estimator, first.is_compiled, first.served_by) == (None, False, "scikit-learn")
    rows, expected = rows_of(inputs), fitted(7.0).predict(inputs.dropna().head(12)).tolist()
    assert second.predict(rows).values == pytest.approx(expected, rel=1e-12)
    assert held_by(apart) == 2
    del first
    wait(lambda: held_by(apart) == 1)
    assert second.predict(rows).values == pytest.approx(expected, rel=1e-12)


def test_another_process_takes_the_place_of_one_that_dies(opened, apart, inputs):
    model, folder = opened()
    rows, before = rows_of(inputs), apart.pid
    expected = model.predict(rows).values
    os.kill(before, signal.SIGKILL)
    assert model.predict(rows).values == expected
    assert apart.pid not in {None, before}
    assert apart.deaths == 1
    (folder / "model.skops").write_bytes(b"of another version")
    os.kill(apart.pid, signal.SIGKILL)
    with pytest.raises(StorageError, match="is not the one that was loaded"):
        model.predict(rows)


def test_a_file_that_cannot_be_trusted_is_refused_there_as_here(opened, apart, registry, settings, tmp_path):
    model, folder = opened()
    damaged = held.Held(99, "mill-flow 1", EstimatorFile(folder / "model.skops", "skops"), "regression")
    damaged.file.path.write_bytes(b"PK no skops file")
    with pytest.raises(StorageError, match="mill-flow 1 cannot be loaded"):
        apart.run(held.hold, damaged)
    with pytest.raises(StorageError, match="cannot be loaded"):
        open_model(model.version, folder, apart=apart)


def test_what_the_work_raises_is_raised_here_with_its_trace(apart):
    with pytest.raises(ZeroDivisionError) as caught:
        apart.run(divmod, 1, 0)
    assert "_done" in "".join(caught.value.__notes__)
    with pytest.raises(TypeError, match="cannot pickle"):
        apart.run(threading.Lock)  # what cannot be sent back is an error too
    assert apart.run(divmod, 7, 2) == (3, 1)


def test_work_beyond_its_time_is_ended_with_the_process_and_what_waits_is_told(apart):
    first = apart.run(os.getpid)
    ended: list[BaseException] = []

    def beside() -> None:
        try:
            apart.run(time.sleep, 60)
        except ProcessDiedError as error:
            ended.append(error)

    thread = threading.Thread(target=beside)
    thread.start()
    with pytest.raises(TimeoutError):
        apart.run(time.sleep, 60, seconds=0.3)
    thread.join(timeout=30)
    assert len(ended) == 1
    assert apart.run(os.getpid) != first
    assert not psutil.pid_exists(first)
    apart.close()
    with pytest.raises(ProcessDiedError, match="is ended"):
        apart.run(os.getpid)


def test_it_stands_back_and_computes_with_one_thread_a_lane():
    process = Apart("predictions", lanes=1, niceness=3)
    try:
        assert process.run(os.nice, 0) == os.nice(0) + 3
        assert process.run(os.getenv, "OMP_NUM_THREADS") == os.environ.get("OMP_NUM_THREADS", "1")
    finally:
        process.close()


def test_killed_under_load_it_costs_a_wait_and_no_wrong_answer(settings, register, fitted, inputs, start, monkeypatch):
    monkeypatch.setenv("SERVING_CACHE_ENTRIES", "0")
    register(fitted(1.0))
    rows, expected = rows_of(inputs), fitted(1.0).predict(inputs.dropna().head(12)).tolist()
    seen, wrong, stop = Counter[int](), list[Any](), threading.Event()

    def ask(address: str, caller: int) -> None:
        with httpx.Client(base_url=address, timeout=60) as own:
            number = caller
            while not stop.is_set():
                number += 1
                place = number % len(rows)
                answer = own.post(PATH, json=rows[place])
                seen[answer.status_code] += 1
                right = answer.status_code == 200 and np.isclose(answer.json()["prediction"], expected[place], 1e-9, 0)
                if not right and not (answer.status_code == 503 and answer.headers["retry-after"] == "1"):
                    wrong.append(answer.text)

    with start(settings) as client:
        assert client.post(PATH, json=rows[0]).status_code == 200
        threads = [threading.Thread(target=ask, args=(str(client.base_url), caller)) for caller in range(4)]
        for thread in threads:
            thread.start()
        killed = []
        for _ in range(2):
            before = seen[200]
            while seen[200] < before + 50:
                assert not wrong
                time.sleep(0.02)
            process = process_of()
            process.kill()
            killed.append(process.pid)
        before = seen[200]
        while seen[200] < before + 50:
            assert not wrong
            time.sleep(0.02)
        stop.set()
        for thread in threads:
            thread.join()
        last = process_of()
        assert last.pid not in killed
    assert wrong == []
    assert not last.is_running()  # the service has ended


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_however_the_service_ends_its_process_ends_too(settings, register, fitted, inputs, start, tmp_path, how, wait):
    register(fitted(1.0))
    with start(settings):
        pass  # leaves the version's files
    nowhere = "http://127.0.0.1:9"
    environment = {
        **os.environ,
        "MILLRACE_HOME": str(settings.millrace_home),
        "MONGODB_URI": "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=200",
        "MLFLOW_TRACKING_URI": nowhere,
        "S3_ENDPOINT_URL": nowhere,
    }
    argv = [sys.executable, "-m", "uvicorn", "serving.app:create_app", "--factory", "--port", "0"]
    with (tmp_path / "log").open("wb") as log:
        service = psutil.Popen(argv, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait(lambda: any(map(is_process, service.children())))
        children = service.children(recursive=True)
        process = process_of(service)
        wait(lambda: process.num_threads() > 2)  # it works
        service.send_signal(how)
        service.wait(timeout=30)
        wait(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in children))
    finally:
        if service.poll() is None:
            service.kill()
