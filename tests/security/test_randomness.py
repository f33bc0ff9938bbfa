"""Random bytes are given once: to one thread, and to one process."""

import os
from concurrent.futures import ThreadPoolExecutor

from filsluss.randomness import DRAWN, RandomBytes


def test_no_byte_is_given_twice_to_any_of_many_threads():
    source = RandomBytes()
    with ThreadPoolExecutor(8) as threads:
        given = list(threads.map(lambda _: source.take(16), range(20 * DRAWN // 16)))
    assert {len(each) for each in given} == {16}
    assert len(set(given)) == len(given)


def test_what_is_left_of_a_draw_is_not_given_with_the_next():
    source = RandomBytes()
    sizes = [DRAWN - 1, 2, DRAWN, 1, DRAWN + 1, 1]
    assert [len(source.take(size)) for size in sizes] == sizes


def test_a_process_and_its_child_are_given_different_bytes():
    source = RandomBytes()
    source.take(16)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, source.take(32))
        os._exit(0)
    os.close(writing)
    of_child = os.read(reading, 32)
    os.close(reading)
    assert os.waitpid(child, 0)[1] == 0
    assert len(of_child) == 32
    assert of_child != source.take(32)
