"""What this driver promises beyond the contract: seen from outside, by a witness and by the requests it makes."""

from __future__ import annotations

import io
import logging
import multiprocessing
import os
import random
import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ostler.clock import SystemClock
from ostler.errors import BadRequest, Conflict, Error, Unavailable
from ostler.ost import ObjectStorage
from ostler.testing.faults import FaultProxy, LoseAnswer, always, nth, s3_error
from ostler_s3.driver import S3Storage, open_driver
from ostler_s3.settings import S3Settings

from .conftest import Connect, MakePlace, Place

MIB = 1 << 20
PART = 5 * MIB
SETTLED: dict[str, Any] = {
    "stale_upload_age": 0,  # moto says of every upload that it began in 2010
    "exclusive_put": True,
    "ordered_list": True,
}


@pytest.fixture
def place(make_place: MakePlace) -> Place:
    return make_place("moto", "team/a/")


@pytest.fixture
def storage(place: Place, proxy: FaultProxy, connect: Connect) -> ObjectStorage:
    driver = connect(place, endpoint_url=proxy.url, part_size=PART, **SETTLED)
    return ObjectStorage(driver, clock=SystemClock())


def _methods(proxy: FaultProxy) -> list[str]:
    return [record.request.method for record in proxy.log.records]


def _bytes(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def test_small_operations_are_one_request_each(storage: ObjectStorage, proxy: FaultProxy) -> None:
    storage.put("k", b"data")
    storage.put("new", b"data", if_absent=True)
    storage.put("unknown", io.BytesIO(b"data"))
    assert storage.read("k") == b"data"
    storage.stat("k")
    assert len(list(storage.list())) == 3
    storage.persist(["k"])
    storage.delete("k")
    storage.delete_many(["new", "unknown"])
    expected = ["PUT", "PUT", "PUT", "GET", "HEAD", "GET", "POST", "POST"]
    assert _methods(proxy) == expected


def test_a_put_carries_checksums_for_the_server_to_verify(
    storage: ObjectStorage, proxy: FaultProxy
) -> None:
    storage.put("small", b"data")
    storage.put("large", io.BytesIO(_bytes(2 * PART)), size=2 * PART)
    sent = [record.request for record in proxy.log.records if record.request.method == "PUT"]
    assert len(sent) == 3
    for request in sent:
        assert len(request.header("x-amz-content-sha256") or "") == 64
        assert request.header("x-amz-checksum-crc64nvme") is not None


def test_checksums_can_be_left_to_the_signature(
    place: Place, proxy: FaultProxy, connect: Connect
) -> None:
    driver = connect(place, endpoint_url=proxy.url, checksums="when_required", **SETTLED)
    ObjectStorage(driver, clock=SystemClock()).put("k", b"data")
    (record,) = proxy.log.records
    assert record.request.header("x-amz-checksum-crc64nvme") is None
    assert len(record.request.header("x-amz-content-sha256") or "") == 64
    assert record.request.header("x-amz-meta-ostler-crc32") == "adf3f363"


def test_the_environment_takes_no_promise_away(
    place: Place, proxy: FaultProxy, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """obstore has variables of its own, that nobody has to know who uses Ostler."""
    monkeypatch.setenv("AWS_UNSIGNED_PAYLOAD", "true")
    monkeypatch.setenv("AWS_CONDITIONAL_PUT", "disabled")
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    storage = ObjectStorage(connect(place, endpoint_url=proxy.url, **SETTLED), clock=SystemClock())
    storage.put("k", b"data", if_absent=True)
    with pytest.raises(Conflict):
        storage.put("k", b"data", if_absent=True)
    for record in proxy.log.records:
        assert record.request.header("authorization") is not None
    assert len(proxy.log.records[0].request.header("x-amz-content-sha256") or "") == 64


def test_a_server_refuses_what_was_damaged_on_the_way(make_place: MakePlace) -> None:
    """On SeaweedFS, which verifies; sent by hand, since the driver sends nothing damaged."""
    place = make_place("seaweed")
    with pytest.raises(ClientError, match=r"(?i)checksum|digest"):
        place.server.client.put_object(
            Bucket=place.bucket, Key="k", Body=b"data", ChecksumCRC32="AAAAAA=="
        )
    assert place.listed() == []


def test_damaged_bytes_are_noticed(place: Place, connect: Connect) -> None:
    """Damaged at the server: somebody stored other bytes under the metadata of ours."""
    driver = connect(place, **SETTLED)
    place.server.client.put_object(
        Bucket=place.bucket,
        Key=place.prefix + "k",
        Body=b"dataX",
        Metadata={"ostler-crc32": "adf3f363"},
    )
    _info, body = driver.get("k", 0, None)
    with pytest.raises(Unavailable, match="does not have the checksum") as caught, body:
        body.read()
    assert caught.value.code == "checksum"
    _info, part = driver.get("k", 0, 2)
    assert part.read() == b"da"


def test_objects_of_others_have_no_checksum_of_ours(place: Place, connect: Connect) -> None:
    place.server.client.put_object(Bucket=place.bucket, Key=place.prefix + "k", Body=b"theirs")
    _info, body = connect(place, **SETTLED).get("k", 0, None)
    assert body.read() == b"theirs"


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
@pytest.mark.parametrize("extra", [0, 1], ids=["whole parts", "a byte more"])
def test_large_objects_travel_in_parts_both_ways(
    storage: ObjectStorage, place: Place, proxy: FaultProxy, known: bool, extra: int
) -> None:
    data = _bytes(3 * PART + extra)
    info = storage.put("large", io.BytesIO(data), size=len(data) if known else None)
    assert info.size == len(data)
    assert place.read("large") == data
    assert place.uploads() == []
    assert proxy.log.count(method="PUT") == 3 + extra
    before = proxy.log.count(method="GET")
    with storage.get("large") as body:
        assert body.read(MIB) == data[:MIB]
        assert proxy.log.count(method="GET") == before + 1
        assert body.read() == data[MIB:]
    assert proxy.log.count(method="GET") == before + 3 + extra
    with storage.get("large", PART - 1, 3 * PART - 7) as body:
        assert body.read() == data[PART - 1 : 3 * PART - 7]


def test_a_large_body_that_is_replaced_breaks_off(storage: ObjectStorage) -> None:
    storage.put("large", _bytes(3 * PART))
    with storage.get("large") as body:
        body.read(100)
        storage.put("large", _bytes(3 * PART + 1))
        with pytest.raises(Unavailable, match="was replaced while it was read") as caught:
            body.read()
    assert caught.value.code == "changed"


def test_many_bodies_share_what_is_read_ahead(place: Place, connect: Connect) -> None:
    driver = connect(place, part_size=PART, concurrency=2, **SETTLED)
    storage = ObjectStorage(driver, clock=SystemClock())
    data = _bytes(3 * PART)
    storage.put("large", data)
    bodies = [storage.get("large") for _body in range(6)]
    for body in bodies:
        assert body.read(MIB) + body.read(1) == data[: MIB + 1]
    for body in bodies[:3]:
        body.close()
    for body in bodies[3:]:
        assert body.read() == data[MIB + 1 :]
        body.close()


def test_an_unknown_size_has_a_limit(place: Place, connect: Connect) -> None:
    driver = connect(place, part_size=PART, max_unknown_size=11 * MIB, **SETTLED)
    storage = ObjectStorage(driver, clock=SystemClock())
    storage.put("most", io.BytesIO(bytes(11 * MIB)))
    with pytest.raises(
        BadRequest, match=r"larger than the 11534336 bytes that .*: tell it, or raise"
    ) as caught:
        storage.put("more", io.BytesIO(bytes(11 * MIB + 1)))
    assert caught.value.code == "too_large"
    assert (place.listed(), place.uploads()) == (["most"], [])


def test_an_exclusive_put_in_parts(storage: ObjectStorage, place: Place) -> None:
    data = _bytes(2 * PART + 3)
    storage.put("large", io.BytesIO(data), if_absent=True)
    assert place.read("large") == data
    with pytest.raises(Conflict) as caught:
        storage.put("large", io.BytesIO(data), size=len(data), if_absent=True)
    assert (caught.value.code, place.uploads(), place.listed()) == ("exists", [], ["large"])


def test_an_exclusive_put_in_parts_whose_source_fails(storage: ObjectStorage, place: Place) -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            if not data:
                raise RuntimeError("no more")
            return data

    with pytest.raises(RuntimeError, match="no more"):
        storage.put("large", Failing(bytes(2 * PART)), if_absent=True)
    assert (place.uploads(), place.listed()) == ([], [])


def test_an_exclusive_put_whose_answer_is_lost_knows_its_own(
    storage: ObjectStorage, proxy: FaultProxy
) -> None:
    proxy.plan = nth(1, LoseAnswer(), method="PUT")
    assert storage.put("k", b"mine", if_absent=True).size == 4
    with pytest.raises(Conflict):
        storage.put("k", b"theirs", if_absent=True)
    assert storage.read("k") == b"mine"


def test_a_part_that_fails_is_sent_again(
    storage: ObjectStorage, proxy: FaultProxy, place: Place
) -> None:
    proxy.plan = nth(2, s3_error("SlowDown"), method="PUT")
    data = _bytes(3 * PART)
    storage.put("large", io.BytesIO(data))
    assert place.read("large") == data


def test_a_bucket_is_made_when_that_is_asked_for(place: Place, connect: Connect) -> None:
    bucket = f"{place.bucket[:40]}-new"
    for _again in range(2):
        driver = connect(place, bucket=bucket, create_bucket=True, **SETTLED)
        ObjectStorage(driver, clock=SystemClock()).put("k", b"data")
    place.server.remove_bucket(bucket)


@pytest.mark.parametrize(
    ("server", "age", "swept"),
    [
        pytest.param("moto", 86_400, True, id="old"),
        pytest.param("moto", 200 * 365 * 86_400, False, id="not old enough"),
        pytest.param("seaweed", 86_400, False, id="of this moment"),
    ],
)
def test_stale_uploads_of_the_own_prefix_are_swept(
    make_place: MakePlace, connect: Connect, server: str, age: float, swept: bool
) -> None:
    """moto says of every upload that it began in 2010; SeaweedFS tells the truth."""
    place = make_place(server, "team/a/")
    for key in ("team/a/ours", "team/ab/not-ours", "other"):
        place.server.client.create_multipart_upload(Bucket=place.bucket, Key=key)
    driver = connect(place, **{**SETTLED, "stale_upload_age": age})
    ObjectStorage(driver, clock=SystemClock()).put("k", b"data")
    for thread in threading.enumerate():
        if thread.name == "s3-sweep":
            thread.join(20)
    left = sorted(place.server.uploads(place.bucket))
    assert left == ["other", *([] if swept else ["team/a/ours"]), "team/ab/not-ours"]


def test_two_may_sweep_at_once(place: Place, proxy: FaultProxy, connect: Connect) -> None:
    """What another one has aborted meanwhile ends nobody's sweep."""
    for name in ("first", "second"):
        place.server.client.create_multipart_upload(Bucket=place.bucket, Key=place.prefix + name)
    driver = connect(place, endpoint_url=proxy.url, **SETTLED)
    proxy.plan = nth(1, s3_error("NoSuchUpload", 404), method="DELETE")
    assert driver.admin.abort_stale(60) == 1
    assert len(place.uploads()) == 1


def test_who_only_reads_does_not_sweep(storage: ObjectStorage, proxy: FaultProxy) -> None:
    assert list(storage.list()) == []
    assert not any("uploads" in record.request.target for record in proxy.log.records)


@pytest.mark.parametrize(
    ("server", "exclusive", "ordered"),
    [
        ("moto", True, True),
        ("seaweed", True, False),
        pytest.param("ceph", True, True, marks=pytest.mark.slow),
    ],
)
def test_servers_are_tried_out(
    make_place: MakePlace, connect: Connect, server: str, exclusive: bool, ordered: bool
) -> None:
    place = make_place(server)
    found = connect(place).capabilities
    assert (found.exclusive_put, found.ordered_list) == (exclusive, ordered)
    assert place.listed() == []


def test_keys_that_none_of_ours_can_be_are_passed_over(
    storage: ObjectStorage, place: Place
) -> None:
    for key in ("a//b", "b/../c", "a/b", "c", "folder/"):
        place.server.client.put_object(Bucket=place.bucket, Key=place.prefix + key, Body=b"")
    assert [info.key for info in storage.objects("a")] == ["a/b"]
    assert [info.key for info in storage.objects("", start_after="a/b")] == ["c"]


def _use(outcome: Any, storage: ObjectStorage, settings: S3Settings) -> None:
    for call in (lambda: storage.stat("k"), lambda: open_driver(settings).stat("k")):
        try:
            call()
        except Error as error:
            outcome.put(error.code)


def test_a_forked_process_is_told_so(place: Place, connect: Connect) -> None:
    """Without this it would wait for threads that are not there, for ever."""
    driver = connect(place, **SETTLED)
    storage = ObjectStorage(driver, clock=SystemClock())
    storage.put("k", b"data")
    context = multiprocessing.get_context("fork")
    outcome = context.SimpleQueue()
    child = context.Process(target=_use, args=(outcome, storage, driver.settings))
    child.start()
    child.join(30)
    assert (child.exitcode, outcome.get(), outcome.get()) == (0, "forked", "forked")


def test_threads_use_one_driver(place: Place, connect: Connect) -> None:
    storage = ObjectStorage(connect(place, **SETTLED), clock=SystemClock())

    def work(name: int) -> None:
        for number in range(10):
            storage.put(f"{name}/{number}", b"%d" % number)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(place.listed()) == 80


def test_secrets_are_not_in_what_is_printed(place: Place, connect: Connect) -> None:
    driver: S3Storage = connect(
        place, endpoint_url="http://127.0.0.1:1", retry_timeout=0, **SETTLED
    )
    with pytest.raises(Unavailable) as caught:
        driver.stat("k")
    chained = f"{caught.value!r} {caught.value.__cause__!r} {driver!r} {vars(driver)!r}"
    assert place.server.secret_key not in chained
    assert os.environ.get("AWS_SECRET_ACCESS_KEY", "none") not in chained


def test_a_sweep_that_meets_the_end_of_its_driver_says_nothing(
    place: Place, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="ostler")
    driver = connect(place, **SETTLED)
    driver.close()
    with pytest.raises(Unavailable) as caught:
        driver.admin.call("list_multipart_uploads")
    assert caught.value.code == "closed"
    driver._sweep()
    assert caplog.records == []


def test_no_retries_are_none_for_the_calls_of_s3fs_either(place: Place, connect: Connect) -> None:
    with FaultProxy(place.server.endpoint_url, always(s3_error("SlowDown"))) as proxy:
        driver = connect(place, endpoint_url=proxy.url, retry_timeout=0, **SETTLED)
        with pytest.raises(Unavailable):
            list(driver.admin.uploads())
        assert proxy.log.count() == 1
