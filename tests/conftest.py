"""The instance that the system tests and the attacks share: one a session, its logs kept."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from tests.system import stack
from tests.system.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

# Machines are shared and slow: no test is one of time.
settings.register_profile("ringwall", deadline=None)
settings.load_profile("ringwall")
RESULTS = stack.ROOT.with_name(f"{stack.ROOT.name}-results")
_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report


@pytest.fixture(scope="session")
def instance() -> Iterator[Stack]:
    """Bring up an instance with ``ringwall up``; take it down at the end."""
    with _alone():
        if stack.TAKE not in os.environ:  # else what the kind before has kept is there
            shutil.rmtree(RESULTS, ignore_errors=True)
        made = stack.new(RESULTS)
        try:
            made.up()
            yield made
        finally:
            if not {stack.KEEP, stack.LEAVE} & os.environ.keys():
                made.keep_logs(RESULTS / "session")
                stack.remove(made.engine)


@contextmanager
def _alone() -> Iterator[None]:
    """One run of an instance at a time: runs share its name, networks and folder."""
    with stack.ROOT.with_name(f"{stack.ROOT.name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pytest.exit(f"another run of the system tests holds {file.name}", returncode=1)
        yield


@pytest.fixture
def system(instance: Stack, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The running system; what a failed test leaves behind is kept under test-results."""
    folder = RESULTS / re.sub(r"[^\w.-]+", "_", request.node.name)
    instance.results = folder
    instance.forget_host()  # what other tests did from here is not this one's fault
    yield instance
    if request.node.stash.get(_FAILED, False):
        instance.keep_logs(folder / "containers")
        instance.up()  # a test that failed half-way must not take the others with it
    else:
        shutil.rmtree(folder, ignore_errors=True)
