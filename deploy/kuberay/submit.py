"""Submit the arguments as a job to a Ray cluster, print its output, and exit with its exit code.

KubeRay runs this program in a pod of its own and sets the two variables. `ray job submit` exits with 1 for every
failure. A pod that starts again follows the job that it has submitted before.
"""

import asyncio
import os
import shlex
import sys

from ray.job_submission import JobSubmissionClient

MACHINE_ERROR = 3
"""Exit code of a job without one of its own, such as a job that was stopped, or whose head was lost."""


async def follow(client: JobSubmissionClient, job: str) -> None:
    """Print the output of a job until it ends."""
    async for text in client.tail_job_logs(job):
        sys.stdout.write(text)
        sys.stdout.flush()


def main(command: list[str]) -> int:
    """The exit code of the command on the cluster."""
    address, job = os.environ["RAY_DASHBOARD_ADDRESS"], os.environ["RAY_JOB_SUBMISSION_ID"]
    client = JobSubmissionClient(address if "://" in address else f"http://{address}")
    if job not in {each.submission_id for each in client.list_jobs()}:
        client.submit_job(entrypoint=shlex.join(command), submission_id=job)
    asyncio.run(follow(client, job))
    code = client.get_job_info(job).driver_exit_code
    return MACHINE_ERROR if code is None else code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
