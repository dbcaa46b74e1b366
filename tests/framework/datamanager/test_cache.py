from __future__ import annotations

import random
import threading

from ostler.datamanager.cache import FileCache


def test_it_keeps_what_was_used_last() -> None:
    cache = FileCache(100)
    for number in range(4):
        cache.put("key", number, f"value {number}", 25)
    assert cache.get("key", 0) == "value 0"
    cache.put("key", 4, "value 4", 25)
    assert [cache.get("key", number) for number in range(5)] == [
        "value 0",
        None,
        "value 2",
        "value 3",
        "value 4",
    ]
    assert cache.size == 100


def test_a_value_put_again_counts_once() -> None:
    cache = FileCache(100)
    for size in (10, 20, 15):
        cache.put("key", 1, size, size)
    assert (cache.get("key", 1), cache.size) == (15, 15)


def test_what_is_large_pushes_nothing_out() -> None:
    cache = FileCache(100)
    cache.put("key", 1, "small", 10)
    cache.put("key", 2, "large", 26)
    assert (cache.get("key", 1), cache.get("key", 2), cache.size) == ("small", None, 10)


def test_threads_keep_the_sum_right() -> None:
    cache = FileCache(1000)

    def work(seed: int) -> None:
        dice = random.Random(seed)
        for _each in range(3000):
            key, number = str(dice.randrange(5)), dice.randrange(50)
            found = cache.get(key, number)
            assert found in (None, (key, number))
            cache.put(key, number, (key, number), dice.randrange(1, 60))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0 < cache.size <= 1000
    assert cache.size == sum(size for _value, size in cache._kept.values())
