"""What stands around a message on the log: CloudEvents binary headers, and for actions the `flags` header.

`id_of_record` is the cause from which everything that a record leads to derives its ids (KERNEL 3).
"""

from __future__ import annotations

from functools import lru_cache

from schemas import ids
from schemas.record import Headers, Record, header

FLAGS = "flags"
CE_ID = "ce_id"
CE_TYPE = "ce_type"
CE_CAUSE = "ce_causationid"
CE_CORRELATION = "ce_correlationid"
CE_SUBJECT = "ce_subject"
CE_SOURCE = "ce_source"
CE_TIME = "ce_time"
CE_VERSION = "ce_specversion"
# 0001-01-01 and 9999-12-31T23:59:59.999 in ms: an agent's clock may say anything, RFC 3339 has four digits of year.
EARLIEST_MS = -62_135_596_800_000
LATEST_MS = 253_402_300_799_999
# Texts of seconds and of types kept ready, about 150 bytes each.
KEPT = 1_024
_VERSION = (CE_VERSION, b"1.0")


def headers_of(
    record_id: bytes,
    kind: str,
    source: str,
    subject: str,
    time_ms: int,
    cause: bytes | None = None,
    correlation: bytes | None = None,
) -> Headers:
    """CloudEvents headers (binary mode) of a low-volume record. `time_ms` is log time; ids are 36-character text."""
    of_type, of_source = _named(kind, source)
    out: Headers = (
        _VERSION,
        (CE_ID, ids.text(record_id).encode()),
        of_type,
        of_source,
        (CE_SUBJECT, subject.encode()),
        (CE_TIME, _time(time_ms)),
    )
    if correlation is not None:
        out += ((CE_CORRELATION, ids.text(correlation).encode()),)
    if cause is not None:
        # Usually it is the correlation itself.
        out += ((CE_CAUSE, out[-1][1] if cause == correlation else ids.text(cause).encode()),)
    return out


@lru_cache(maxsize=KEPT)
def _named(kind: str, source: str) -> Headers:
    """The two headers that all records of a type share."""
    return (CE_TYPE, f"dev.mandate.{kind}".encode()), (CE_SOURCE, f"/mandate/{source}".encode())


def record_id(record: Record) -> bytes | None:
    """The `ce_id` of a record as 16 bytes; a foreign id is hashed; None without the header."""
    return _id_header(record.headers, CE_ID)


def correlation_id(record: Record) -> bytes | None:
    """The `ce_correlationid` of a record, or None."""
    return correlation_of(record.headers)


def correlation_of(headers: Headers) -> bytes | None:
    """The `ce_correlationid` among headers, or None."""
    return _id_header(headers, CE_CORRELATION)


def _id_header(headers: Headers, name: str) -> bytes | None:
    raw = header(headers, name)
    if raw is None:
        return None
    text = raw.decode("utf-8", "replace")
    return ids.parse(text) or ids.derive("foreign", raw)


def flags(headers: Headers) -> tuple[str, ...]:
    """The words of the `flags` header, in order."""
    raw = header(headers, FLAGS)
    return tuple(raw.decode("ascii", "replace").split(",")) if raw else ()


def with_flags(headers: Headers, *words: str) -> Headers:
    """Headers with more words in `flags`; each word once."""
    present = list(flags(headers))
    present += [w for w in words if w not in present]
    rest = tuple((k, v) for k, v in headers if k != FLAGS)
    return (*rest, (FLAGS, ",".join(present).encode())) if present else rest


def rfc3339(ms: int) -> str:
    """Milliseconds since 1970 as RFC 3339 in UTC; years outside 1-9999 are clamped by the writer of the time."""
    seconds, milli = divmod(ms, 1000)
    return f"{_to_the_second(seconds)}.{milli:03d}Z"


@lru_cache(maxsize=KEPT)
def _time(ms: int) -> bytes:
    # All records of one batch have its append time.
    return rfc3339(ms).encode()


@lru_cache(maxsize=KEPT)
def _to_the_second(seconds: int) -> str:
    days, rest = divmod(seconds, 86_400)
    year, month, day = _civil(days)
    return f"{year:04d}-{month:02d}-{day:02d}T{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"


def time_text(ms: int) -> str:
    """Milliseconds as RFC 3339, clamped to the years 1-9999: how a time is shown wherever it came from."""
    return rfc3339(min(max(ms, EARLIEST_MS), LATEST_MS))


def _civil(days: int) -> tuple[int, int, int]:
    """Days since 1970-01-01 as (year, month, day) of the proleptic Gregorian calendar, integers only."""
    days += 719_468
    era = days // 146_097
    doe = days - era * 146_097
    yoe = (doe - doe // 1460 + doe // 36_524 - doe // 146_096) // 365
    doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
    mp = (5 * doy + 2) // 153
    month = mp + 3 if mp < 10 else mp - 9
    return yoe + era * 400 + (1 if month <= 2 else 0), month, doy - (153 * mp + 2) // 5 + 1
