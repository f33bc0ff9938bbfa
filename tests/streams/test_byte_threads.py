"""The threads that move bytes, as the kernel schedules them."""

import os
from concurrent.futures import ThreadPoolExecutor

from filsluss.server.shares import Share


def test_a_thread_that_moves_bytes_interrupts_no_other_when_it_is_woken():
    share = Share(2, least=1)
    with share.pool as pool, ThreadPoolExecutor(1) as others:
        assert pool.submit(os.sched_getscheduler, 0).result() == os.SCHED_BATCH
        assert others.submit(os.sched_getscheduler, 0).result() == os.SCHED_OTHER


def test_where_that_is_forbidden_bytes_move_all_the_same(monkeypatch):
    def refused(*_):
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refused)
    with Share(2, least=1).pool as pool:
        assert pool.submit(str).result() == ""
