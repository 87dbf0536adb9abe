from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.telemetry.outbox import Address, FakeOutbox, Row, row

from ringwall.telemetry.push_gate import Gate
from ringwall.telemetry.push_queue import Job, Queue

PAGE, LANE_PAGE = 4, 3


class Machine:
    """What the courier does with a queue, one step at a time, in an order that chance chose."""

    def __init__(self, batch: int) -> None:
        self.outbox, self.queue = FakeOutbox(), Queue(window=6, lanes=4)
        self.batch, self.read_to, self.now = batch, 0, 0.0
        self.jobs: list[Job] = []
        self.delivered: defaultdict[Address, list[int]] = defaultdict(list)

    def arrive(self, user: int) -> None:
        self.outbox.add(row(len(self.outbox.rows) + 1, f"u{user}"))

    def read(self) -> None:
        self.queue.wake(self.now)
        for address in self.queue.hungry(2):
            found = self.outbox.waiting_of(address, self.read_to, LANE_PAGE)
            self.queue.feed(address, found, len(found) == LANE_PAGE)
        if self.queue.has_room:
            page = self.outbox.waiting(self.read_to, PAGE)
            self.read_to = page[-1].id if page else self.read_to
            self.queue.offer(page)
        assert self.queue.size <= 6 + PAGE + 2 * LANE_PAGE

    def take(self) -> None:
        job = self.queue.take(self.batch)
        if job is None:
            return
        assert len(job.pushes) <= self.batch
        assert len(job.pushes) == 1 or not any(push.attempts for push in job.pushes)
        running = [address for other in self.jobs for address in other.addresses]
        assert not job.addresses & set(running)
        self.jobs.append(job)

    def end(self, which: int, good: bool) -> None:
        if not self.jobs:
            return
        job = self.jobs.pop(which % len(self.jobs))
        for push in job.pushes:
            if good:
                self.delivered[push.address].append(push.id)
        ids = [push.id for push in job.pushes]
        if good:
            self.outbox.sent(ids, job.pushes[0].queued_at)
            self.queue.sent(job)
        else:
            self.outbox.failed(ids, "no", job.pushes[0].queued_at)
            self.queue.failed(job, self.now, self.now + 3)

    def pass_time(self) -> None:
        self.now += 1


Step = st.one_of(
    st.tuples(st.just("arrive"), st.integers(0, 5)),
    st.tuples(st.just("read")),
    st.tuples(st.just("take")),
    st.tuples(st.just("end"), st.integers(0, 9), st.booleans()),
    st.tuples(st.just("pass_time")),
)


@settings(max_examples=400, deadline=None)
@given(batch=st.integers(1, 4), steps=st.lists(Step, max_size=150))
def test_each_user_is_told_in_order_and_of_everything_once(
    batch: int, steps: list[tuple[object, ...]]
) -> None:
    machine = Machine(batch)
    for name, *arguments in steps:
        getattr(machine, str(name))(*arguments)
    for _ in range(2000):  # and then all goes well
        if not machine.outbox.count("pending"):
            break
        machine.pass_time()
        machine.read()
        machine.take()
        machine.end(0, good=True)
    expected: defaultdict[Address, list[int]] = defaultdict(list)
    for each in machine.outbox.rows.values():
        expected[each.address].append(each.id)
    assert machine.delivered == expected


def many(*users: str) -> list[Row]:
    return [row(number, user) for number, user in enumerate(users, 1)]


def test_users_take_turns() -> None:
    queue = Queue(100)
    queue.offer(many("a", "a", "a", "b", "c"))
    order = []
    while (job := queue.take(1)) is not None:
        order.append(job.pushes[0].address[0])
        queue.sent(job)
    assert order == ["a", "b", "c", "a", "a"]


def test_a_user_who_failed_leaves_memory() -> None:
    queue = Queue(100)
    queue.offer(many(*["a"] * 50))
    job = queue.take(1)
    assert job
    queue.failed(job, 0.0, 5.0)
    assert queue.size == 0
    assert queue.wake(4.9) == 5.0
    assert queue.hungry(9) == []
    queue.wake(5.0)
    assert queue.hungry(9) == [("a", "sip.example.com")]
    queue.feed(("a", "sip.example.com"), [], False)
    queue.offer([replace(row(99, "a"), attempts=0)])
    assert queue.is_ready


A, B, C, D = (frozenset({(name, "x")}) for name in "abcd")


def test_one_user_does_not_close_the_gate() -> None:
    gate = Gate()
    for now in range(100):
        gate.failed(A, True, float(now))
    assert gate.next_probe is None
    for users in (B, C):
        gate.failed(users, True, 100.0)
    assert gate.next_probe is None
    gate.failed(D, True, 101.0)
    assert gate.closed_since == 101.0


def test_a_delivery_opens_the_gate_and_tells_who_suffered() -> None:
    gate = Gate()
    gate.failed(A, True, 1.0)
    assert gate.passed() is None
    for now, users in enumerate((A, B, C, D), 2):
        gate.failed(users, True, float(now))
    assert gate.passed() == 2.0
    assert gate.next_probe is None


def test_no_connection_closes_it_at_once_and_any_answer_opens_it() -> None:
    gate = Gate()
    gate.failed(A, False, 1.0)
    assert gate.closed_since == 1.0
    assert gate.failed(B, True, 2.0) == 1.0
    assert gate.next_probe is None


def test_probes_are_rarer_and_rarer_up_to_half_a_minute() -> None:
    gate, now = Gate(), 0.0
    steps = []
    for _ in range(12):
        gate.failed(A, False, now)
        assert gate.next_probe is not None
        steps.append(gate.next_probe - now)
        now = gate.next_probe
    assert 0.5 <= steps[0] <= 1.0
    assert all(15 <= step <= 30 for step in steps[-4:])


def test_requests_that_were_on_their_way_do_not_put_the_probe_off() -> None:
    gate = Gate()
    gate.failed(A, False, 1.0)
    probe = gate.next_probe
    gate.failed(B, False, 1.1)
    assert gate.next_probe == probe
