import pytest

from millrace.errors import StackError
from millrace.local import airflow
from millrace.settings import project_folder


def test_a_checkout_is_the_project_wherever_one_works(tmp_path, monkeypatch) -> None:
    checkout = tmp_path / "checkout"
    (checkout / "dags").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)

    assert project_folder(checkout / "include" / "millrace" / "settings.py") == checkout


def test_an_installed_package_takes_the_working_folder_and_never_that_of_the_libraries(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert project_folder(tmp_path / "lib" / "site-packages" / "millrace" / "settings.py") == tmp_path


def test_a_stack_without_dags_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(airflow, "PROJECT", tmp_path)

    with pytest.raises(StackError, match=f"There is no folder '{tmp_path}/dags'"):
        airflow.require_dags()
