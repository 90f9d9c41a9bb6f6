"""Submit the arguments as a job to a Ray cluster, print its output, and exit with its exit code.

KubeRay runs this program in a pod of its own and sets the two variables. `ray job submit` exits with 1 for every
failure. A pod that starts again follows the job that it has submitted before.
"""

import asyncio
import os
import shlex
import sys
import time
from collections.abc import Callable
from typing import Any

from aiohttp import ClientError
from ray.job_submission import JobSubmissionClient

MACHINE_ERROR = 3
"""Exit code of a job without one of its own, such as a job that was stopped, or whose head was lost."""
PATIENCE = 300.0
"""Seconds in which a request is repeated while the head does not answer."""
PAUSE = 5.0
"""Seconds between two attempts."""
LOST = (RuntimeError, OSError, ClientError)
"""What Ray's client raises without a connection to the head, and for an answer that is an error."""


def main(command: list[str]) -> int:
    """The exit code of the command on the cluster."""
    address, job = os.environ["RAY_DASHBOARD_ADDRESS"], os.environ["RAY_JOB_SUBMISSION_ID"]
    try:
        client = patiently(JobSubmissionClient, address if "://" in address else f"http://{address}")
        patiently(submit, client, job, command)
        code = follow(client, job)
    except LOST:
        return MACHINE_ERROR
    return MACHINE_ERROR if code is None else code


def patiently(call: Callable[..., Any], *args: Any) -> Any:
    """The result of a call, repeated for PATIENCE seconds while the head does not answer."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return call(*args)
        except LOST as error:
            sys.stderr.write(f"The head does not answer: {error}\n")
            if time.monotonic() + PAUSE > deadline:
                raise
        time.sleep(PAUSE)


def submit(client: JobSubmissionClient, job: str, command: list[str]) -> None:
    """Submit the command, unless this was done before."""
    if job not in {each.submission_id for each in client.list_jobs()}:
        client.submit_job(entrypoint=shlex.join(command), submission_id=job)


def follow(client: JobSubmissionClient, job: str) -> int | None:
    """Print the output of a job until it ends. Returns its exit code, if it has one."""
    printed = 0
    while True:
        # The connection can end before the job. The status is read first, so that no output is missing at the end.
        info = patiently(client.get_job_info, job)
        printed = asyncio.run(print_output(client, job, printed))
        if info.status.is_terminal():
            code: int | None = info.driver_exit_code
            return code
        time.sleep(PAUSE)


async def print_output(client: JobSubmissionClient, job: str, printed: int) -> int:
    """Print the output of a job while the connection lasts, except for the characters that were printed before.

    Returns the number of characters that are printed now. Each connection begins with the first character.
    """
    received = 0
    try:
        async for text in client.tail_job_logs(job):
            sys.stdout.write(text[max(0, printed - received) :])
            sys.stdout.flush()
            received += len(text)
    except LOST as error:
        sys.stderr.write(f"The connection to the head was lost: {error}\n")
    return max(printed, received)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
