"""What each address of the registry answers. Pure: subjects and words of the request in, plain JSON out.

An error is a `RegistryError` with the number that the registry's clients know: 40401 no subject, 40402 no version,
40403 no schema, 42201 no valid schema, 42202 no valid version, 42205 read only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastavro import parse_schema

from gateway.registry.subjects import Subjects
from schemas.compatibility import broken_by
from schemas.errors import MandateError
from schemas.registry import Written

AVRO = "AVRO"
# What `mandate schemas check` holds: each version is read by the readers of every other.
LEVEL = "FULL_TRANSITIVE"
# Longer than any id or version; also keeps int() from texts of a million digits.
_DIGITS = 9
# Our deepest has 9 levels of JSON; what compares schemas takes a few frames of 1,000 for each.
DEPTH_MAX = 64


class RegistryError(MandateError):
    """An error as the registry's clients read it: `number` is its error_code, `status` that of HTTP."""

    def __init__(self, number: int, code: str, what: str, why: str, remedy: str) -> None:
        super().__init__(code, what, why, remedy)
        self.number = number

    @property
    def status(self) -> int:
        """40403 is a 404."""
        return int(str(self.number)[:3])


def schema(subjects: Subjects, number: str) -> Written:
    """The schema of an id as it stands in the path."""
    found = subjects.by_id.get(int(number)) if _is_number(number) else None
    if found is None:
        remedy = "Ask for an id that stands in a record of ours; GET /subjects lists what there is."
        raise RegistryError(40403, "schema_unknown", f"Schema {number[:20]}", "not found", remedy)
    return found


def versions(subjects: Subjects, subject: str) -> tuple[Written, ...]:
    """The versions of a subject."""
    found = subjects.versions(subject)
    if found is None:
        remedy = "GET /subjects lists them: <topic>-value, and the full name of each record."
        raise RegistryError(40401, "subject_unknown", f"Subject '{subject[:200]}'", "not found", remedy)
    return found


def version(subjects: Subjects, subject: str, given: str) -> tuple[int, Written]:
    """(number, schema) of one version of a subject: a number, `latest` or -1."""
    found = versions(subjects, subject)
    if given in ("latest", "-1"):
        return len(found), found[-1]
    if not _is_number(given) or int(given) == 0:
        remedy = "Use a number from 1 on, or latest."
        raise RegistryError(42202, "version_malformed", f"Version {given[:20]!r}", "it is none", remedy)
    if int(given) > len(found):
        why = f"the subject has {len(found)}"
        raise RegistryError(40402, "version_unknown", f"Version {given}", why, "Use one of these, or latest.")
    return int(given), found[int(given) - 1]


def entry(subjects: Subjects, subject: str, number: int, written: Written) -> dict[str, Any]:
    """A version of a subject, as clients and consoles want it."""
    return {
        "subject": subject,
        "version": number,
        "id": written.id,
        "schemaType": AVRO,
        "schema": subjects.text(written.id),
    }


def asked(body: Any) -> Any:
    """The parsed schema of a request's body {"schema": "…", "schemaType"?: "AVRO", "references"?: []}."""
    if not isinstance(body, Mapping) or not isinstance(body.get("schema"), str):
        raise _invalid("the body has no text `schema`", 'Send {"schema": "…"}, the schema as JSON in a text.')
    if body.get("schemaType") not in (None, AVRO):
        raise _invalid("its type is not AVRO", "Everything here is Avro.")
    if body.get("references"):
        raise _invalid("it refers to other schemas", "Send it whole.")
    try:
        found = json.loads(body["schema"])
        if _depth(found) > DEPTH_MAX:
            raise ValueError(f"it is nested deeper than {DEPTH_MAX}")
        parse_schema(found)
    # fastavro answers rubbish with many kinds of errors, nesting with RecursionError: each means "no schema".
    except Exception as error:
        raise _invalid(f"{type(error).__name__}: {error}"[:200], "Send a valid Avro schema.") from error
    return found


def look_up(subjects: Subjects, subject: str, body: Any) -> dict[str, Any]:
    """Which version of a subject a schema is."""
    versions(subjects, subject)
    found = subjects.look_up(subject, asked(body))
    if found is None:
        remedy = "It must be one of ours: GET /subjects/<subject>/versions/latest."
        raise RegistryError(40403, "schema_unknown", "Schema", "not found under this subject", remedy)
    return entry(subjects, subject, *found)


def register(subjects: Subjects, subject: str, body: Any) -> dict[str, Any]:
    """The id of a known schema, so that clients that register by default just work; anything new is refused."""
    found = subjects.look_up(subject, asked(body))
    if found is None:
        raise read_only(subject)
    return {"id": found[1].id}


def read_only(subject: str) -> RegistryError:
    """Nothing is written here."""
    remedy = "Use a schema that is published here; new ones come with a release of Mandate."
    return RegistryError(42205, "read_only", f"Subject {subject[:200]}", "it is in read-only mode", remedy)


def compatibility(subjects: Subjects, subject: str, given: str | None, body: Any) -> dict[str, Any]:
    """Whether a schema could follow as a minor version: of one version, or (None) of all of its record's.

    A topic carries many records: `latest` is the latest of the record that is asked about, where there is one.
    """
    new = asked(body)
    if not isinstance(new, dict):
        return {"is_compatible": False, "messages": ["it is no record"]}
    of_subject = versions(subjects, subject)
    kin = [w for w in of_subject if w.text["name"] == str(new.get("name")).rpartition(".")[2]]
    if given is None:
        against = kin or list(of_subject)
    elif given in ("latest", "-1"):
        against = (kin or list(of_subject))[-1:]
    else:
        against = [version(subjects, subject, given)[1]]
    broken = [b for written in against for b in broken_by(written.text, _spaced(new))]
    messages = list(dict.fromkeys(f"{b.code} at {b.path or 'the record'}: {b.why}. {b.remedy}" for b in broken))
    return {"is_compatible": not messages, "messages": messages}


def _spaced(schema: dict[str, Any]) -> dict[str, Any]:
    """A record whose name carries its namespace, with the two apart, as ours are."""
    space, dot, name = str(schema.get("name")).rpartition(".")
    return schema | {"namespace": space, "name": name} if dot else schema


def _depth(plain: Any) -> int:
    """How deeply lists and objects are nested, without recursion."""
    deepest, todo = 0, [(plain, 0)]
    while todo:
        value, depth = todo.pop()
        deepest = max(deepest, depth)
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        todo += [(item, depth + 1) for item in inner]
    return deepest


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS


def _invalid(why: str, remedy: str) -> RegistryError:
    return RegistryError(42201, "schema_invalid", "Schema", why, remedy)
