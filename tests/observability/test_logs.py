"""Log lines are JSON, without text from clients or from exceptions."""

import asyncio
import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from observability.log_errors import code_of, relative_path, summarise_chain
from observability.log_text import safe_value
from observability.logs import as_json, log_all_failures, log_failure
from tests.captured_logs import captured_logs

SECRET = "ann@acme.example"


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    hooks = sys.excepthook, sys.unraisablehook, threading.excepthook, warnings.showwarning
    with captured_logs("json") as written:
        log_all_failures()
        yield written
    sys.excepthook, sys.unraisablehook, threading.excepthook, warnings.showwarning = hooks


def lines(logged: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in logged.getvalue().splitlines()]


def emit(name: str, level: int, message: object, *args: Any) -> None:
    """Log as a library does, bypassing the handlers of the test run."""
    logger = logging.getLogger(name)
    record = logger.makeRecord(name, level, __file__, 1, message, args, None)
    if logger.filter(record):
        logging.getLogger().handlers[0].handle(record)


def raised(make: Callable[[], BaseException]) -> BaseException:
    """Return an error that was raised, with a secret among the variables of its frames."""
    secret_of_a_variable = SECRET
    try:
        raise make()
    except BaseException as error:
        del secret_of_a_variable
        return error


@pytest.mark.parametrize("log_format", ["json", "readable"])
def test_fields_that_do_not_apply_are_left_out(log_format: str) -> None:
    with captured_logs(log_format) as written:
        structlog.get_logger("x").info("happened", path=None, code="X", count=0)
    assert "path" not in written.getvalue()
    assert "None" not in written.getvalue()
    assert all(name in written.getvalue() for name in ("happened", "code", "count"))


NEVER = "Task exception was never retrieved"
INVALID = "Invalid HTTP request received."
SERVER = "uvicorn.error"


@pytest.mark.parametrize(
    ("name", "level", "message", "args", "event"),
    [
        ("asyncio", logging.ERROR, NEVER + "\nfuture: <Task {}>", (), NEVER),
        ("asyncio", logging.ERROR, "Exception in callback f('{}')", (), "Exception in callback f"),
        ("lib", logging.WARNING, "no such user: {}", (), "no such user"),
        ("lib", logging.WARNING, "Key (email)=({}) exists", (), "Key"),
        ("lib", logging.ERROR, "%s failed %d times", (SECRET, 3), "… failed 3 times"),
        ("lib", logging.INFO, "GET /%s", (SECRET,), "GET /…"),
        ("lib", logging.ERROR, "both %s and %s", (SECRET,), "both"),
        (SERVER, logging.ERROR, "Traceback (most recent call last):\n {}", (), None),
        (SERVER, logging.WARNING, INVALID, (), INVALID),
        (SERVER, logging.INFO, "Uvicorn running on %s", ("here:80",), "Uvicorn running on here:80"),
    ],
)
def test_a_line_of_a_library_ends_where_values_may_begin(
    logged: io.StringIO, name: str, level: int, message: str, args: tuple[Any, ...], event: str
) -> None:
    emit(name, level, message.replace("{}", SECRET), *args)
    found = lines(logged)
    assert [line["event"] for line in found] == ([] if event is None else [event])
    assert all(line["logger"] == name for line in found)
    assert SECRET not in logged.getvalue()


def test_an_error_as_a_message_is_its_type_and_code(logged: io.StringIO) -> None:
    logging.getLogger("uvicorn.error").error(OSError(98, f"address in use {SECRET}"))
    (line,) = lines(logged)
    assert (line["error"], line["errno"], line["level"]) == ("OSError", "EADDRINUSE", "error")
    assert SECRET not in logged.getvalue()


def test_exceptions_are_types_places_and_codes_with_their_causes(logged: io.StringIO) -> None:
    def fail() -> BaseException:
        error = ValueError(f"bad {SECRET}")
        error.add_note(SECRET)
        error.__cause__ = raised(lambda: OSError(111, SECRET))
        return ExceptionGroup(SECRET, [error, KeyError(SECRET)])

    structlog.get_logger("ours").error("failed", exc_info=raised(fail))
    (line,) = lines(logged)
    kinds = [one["exc_type"] for one in line["exception"]]
    assert kinds == ["ExceptionGroup", "ValueError", "KeyError", "ConnectionRefusedError"]
    assert line["exception"][3]["errno"] == "ECONNREFUSED"
    assert line["exception"][0]["frames"][-1]["filename"] == "tests/observability/test_logs.py"
    assert SECRET not in logged.getvalue()


def test_readable_exceptions_hold_no_message_either() -> None:
    with captured_logs("readable") as written:
        structlog.get_logger("ours").error(
            "failed", exc_info=raised(lambda: OSError(111, f"says {SECRET}"))
        )
    assert "\nConnectionRefusedError errno=ECONNREFUSED\n" in written.getvalue()
    assert "test_logs.py" in written.getvalue()
    assert SECRET not in written.getvalue()


class DatabaseRefusal(Exception):
    """An error like the driver's, whose text contains the row."""

    sqlstate = "23505"
    constraint_name = "app_user_email"


def test_a_database_error_is_its_sqlstate_and_never_its_detail() -> None:
    refused = DatabaseRefusal(f"duplicate key\nDETAIL:  Key (email)=({SECRET}) already exists.")
    wrapped = RuntimeError(refused)  # as the ORM wraps it
    for error in (refused, wrapped):
        assert code_of(error) == {"sqlstate": "23505", "constraint": "app_user_email"}
        assert SECRET not in json.dumps(summarise_chain(error))


async def test_what_python_prints_by_itself_is_logged(logged: io.StringIO) -> None:
    async def fail() -> None:
        raise ValueError(SECRET)

    loop = asyncio.get_running_loop()
    warned = UserWarning(f"unclosed <socket {SECRET}>")
    warnings.showwarning(warned, UserWarning, "/x/site-packages/lib/a.py", 7)
    loop.call_exception_handler(
        {"message": "Task exception was never retrieved", "exception": ValueError(SECRET)}
    )
    thread = threading.Thread(target=lambda: asyncio.run(fail()))
    thread.start()
    thread.join()
    error = raised(lambda: ValueError(SECRET))
    sys.excepthook(ValueError, error, error.__traceback__)
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    found = lines(logged)
    assert [line["event"] for line in found] == [
        "python_warning",
        "Task exception was never retrieved",
        "uncaught_exception",
        "uncaught_exception",
        "interrupted",
    ]
    assert found[0]["place"] == "lib/a.py:7"
    assert found[0]["text"] == "unclosed"
    assert SECRET not in logged.getvalue()


def test_a_failure_whose_code_says_it_all_has_no_traceback(logged: io.StringIO) -> None:
    log_failure("start_failed", ConnectionRefusedError(111, SECRET), role="serve")
    log_failure("start_failed", raised(lambda: ValueError(SECRET)))
    refused, other = lines(logged)
    assert (refused["errno"], refused["role"], "exception" in refused) == (
        "ECONNREFUSED",
        "serve",
        False,
    )
    assert other["exception"][0]["exc_type"] == "ValueError"
    assert SECRET not in logged.getvalue()


@pytest.mark.parametrize(
    "value", ["\x1b[31m", "a\r\nb", "\x9b31m", "\u2028", "\ud800", "é", object]
)
def test_a_line_is_one_printable_line_whatever_it_holds(value: object) -> None:
    text = as_json({"event": "x", "value": safe_value(value)})
    assert text.isprintable()
    assert json.loads(text)["event"] == "x"


def test_a_line_that_cannot_be_formatted_becomes_no_traceback(
    logged: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    class Unprintable:
        def __str__(self) -> str:
            raise ValueError(SECRET)

    emit("lib", logging.ERROR, Unprintable())
    (line,) = lines(logged)
    assert (line["event"], line["logger"]) == ("line_lost", "lib")
    assert capsys.readouterr().err == ""


def test_places_are_named_from_the_project_or_the_package() -> None:
    assert relative_path(__file__) == "tests/observability/test_logs.py"
    assert (
        relative_path("/opt/venv/lib/python3.11/site-packages/asyncpg/pool.py") == "asyncpg/pool.py"
    )
