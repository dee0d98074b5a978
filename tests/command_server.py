"""Runs commands in forks of one process that has imported manage.py, which takes two seconds.

A request is a JSON line with arguments and environment, and two file descriptors for the output;
the answer is the process id, and then the exit status.
"""

import json
import os
import shutil
import signal
import socket
import sys
import traceback

import manage

MAX_REQUEST = 65_536


def run_command(arguments: list[str], environment: dict[str, str], files: list[int]) -> None:
    """Run a `manage.py` command in this process, with stdout and stderr in `files`, and exit."""
    status = 1
    try:
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = ["manage.py", *arguments]
        for number, file in zip((1, 2), files, strict=True):
            os.dup2(file, number)
        manage.main()
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # The interpreter would also print it and exit.
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def answer(connection: socket.socket) -> None:
    """Run a requested command in a fork; send its process id, and its exit status at the end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request, files, _, _ = socket.recv_fds(connection, MAX_REQUEST, 2)
    arguments, environment = json.loads(request)
    process_id = os.fork()
    if process_id == 0:
        connection.close()
        run_command(arguments, environment, files)
    connection.sendall(f"{process_id}\n".encode())
    _, how = os.waitpid(process_id, 0)
    connection.sendall(f"{os.waitstatus_to_exitcode(how)}\n".encode())


def main(path: str) -> None:
    """Serve requests on a Unix socket until the parent process has ended."""
    signal.signal(
        signal.SIGCHLD, signal.SIG_IGN
    )  # The kernel reaps the forks that answer requests.
    parent = os.getppid()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        listener.settimeout(1.0)
        while os.getppid() == parent:
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with connection:
                if os.fork() == 0:
                    listener.close()
                    answer(connection)
                    os._exit(0)
    shutil.rmtree(os.path.dirname(path))


if __name__ == "__main__":
    main(sys.argv[1])
