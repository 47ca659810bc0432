"""CloudTrail records become actions by rules that give the same ids and numbers for ever."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from gateway.http.action_json import translate as gateway_translate
from gateway.importing import cloudtrail, files, identity
from schemas import ids
from schemas.messages.actions import BACKFILL

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "cloudtrail" / "records.jsonl"


def record(number: int = 1, **changes):
    plain = {
        "eventID": f"00000000-0000-0000-0000-{number:012d}",
        "eventTime": "2023-07-10T11:42:36Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetBucketAcl",
        "eventType": "AwsApiCall",
        "readOnly": True,
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::1:user/ann", "userName": "ann"},
        "requestParameters": {"bucketName": "logs"},
    }
    return {**plain, **changes}


def translate(*records, digest="d"):
    return cloudtrail.translate([files.Entry(f"f#{i}", r) for i, r in enumerate(records)], digest)


def test_one_record_becomes_one_whole_action():
    (action,) = translate(record()).actions
    assert action == {
        "id": "00000000-0000-0000-0000-000000000001",
        "actor": {"id": "arn:aws:iam::1:user/ann", "name": "ann"},
        "type": "s3.amazonaws.com:GetBucketAcl",
        "resource": "s3:logs",
        "timestamp": 1688989356000,
        "parameters_digest": action["parameters_digest"],
        "session": "d",
        "sequence": 1,
        "backfill": True,
    }
    assert "logs" not in json.dumps(action["parameters_digest"])


def test_sequence_is_the_place_among_the_actors_records_and_a_record_left_out_takes_no_number():
    other = {"type": "AWSService", "invokedBy": "rds.amazonaws.com"}
    done = translate(record(1), record(2, userIdentity=other), record(3, eventTime="noon"), record(4), record(1))
    assert [(a["actor"]["id"], a["sequence"]) for a in done.actions] == [
        ("arn:aws:iam::1:user/ann", 1),
        ("rds.amazonaws.com", 1),
        ("arn:aws:iam::1:user/ann", 2),
    ]
    assert [(s.reason, s.place) for s in done.skipped] == [("no_event_time", "f#2"), ("repeated_in_file", "f#4")]


@pytest.mark.parametrize(
    ("plain", "reason"),
    [
        (17, "not_a_record"),
        (record(eventID=""), "no_event_id"),
        (record(eventID=None), "no_event_id"),
        (record(eventName=None), "no_event_name"),
        (record(eventTime="2023-13-40T00:00:00Z"), "no_event_time"),
        (record(userIdentity={}), "no_identity"),
        (record(userIdentity=None), "no_identity"),
    ],
)
def test_every_reason_to_leave_a_record_out(plain, reason):
    done = translate(plain)
    assert done.actions == ()
    assert [s.reason for s in done.skipped] == [reason]


def test_a_throttled_call_expects_another_try_and_a_refused_one_does_not():
    throttled = record(errorCode="ThrottlingException", errorMessage="Rate exceeded")
    denied = record(2, errorCode="AccessDenied", errorMessage="no")
    first, second = translate(throttled, denied).actions
    assert first["error"] == {"type": "ThrottlingException", "message": "Rate exceeded", "code": "ThrottlingException"}
    assert first["retryable"] is True
    assert "retryable" not in second


def test_two_refusals_differ_only_in_their_opaque_blob_which_is_cut_out():
    texts = [
        a["error"]["message"]
        for a in translate(
            *(
                record(n, errorCode="X", errorMessage=f"No. Encoded authorization failure message: {blob}")
                for n, blob in ((1, "abc"), (2, "xyz"))
            )
        ).actions
    ]
    assert texts[0] == texts[1]


def test_a_write_is_a_change_and_a_failed_write_is_not():
    wrote = record(1, eventName="PutBucketPolicy", readOnly=False)
    failed = record(2, eventName="PutBucketPolicy", readOnly=False, errorCode="AccessDenied")
    first, second = translate(wrote, failed).actions
    assert first["change"] == {"kind": "permission", "summary": "PutBucketPolicy"}
    assert "change" not in second


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ({"type": "Root", "arn": "arn:aws:iam::1:root"}, ("arn:aws:iam::1:root", None)),
        ({"type": "IAMUser", "principalId": "AIDA", "userName": "ann"}, ("AIDA", "ann")),
        ({"accountId": "1", "invokedBy": "ec2.amazonaws.com"}, ("ec2.amazonaws.com", None)),
        ({"accountId": "1"}, ("1", None)),
    ],
)
def test_identity_is_the_arn_else_the_principal_else_the_service(who, expected):
    assert identity.actor({"userIdentity": who}) == expected


def test_a_call_names_the_same_resource_whether_it_fails_or_succeeds():
    request = {"name": "/app/key"}
    arn = "arn:aws:ssm:us-east-1:1:parameter/app/key"
    done = {"eventSource": "ssm.amazonaws.com", "requestParameters": request, "resources": [{"ARN": arn}]}
    failed = {"eventSource": "ssm.amazonaws.com", "requestParameters": request}
    assert identity.resource(done) == identity.resource(failed) == "ssm:/app/key"
    assert identity.resource({"eventSource": "ssm.amazonaws.com", "resources": [{"ARN": arn}]}) == arn
    assert identity.resource({"eventSource": "ssm.amazonaws.com"}) == "ssm.amazonaws.com"


def test_nested_accesses_name_the_access_they_happened_in():
    ann = {"type": "IAMUser", "arn": "arn:aws:iam::1:user/ann"}
    for_ann = {**ann, "invokedBy": "secretsmanager.amazonaws.com"}
    read = record(
        1,
        eventSource="secretsmanager.amazonaws.com",
        eventName="GetSecretValue",
        userIdentity=ann,
        requestParameters={"secretId": "s", "versionId": "V-1"},
    )
    used = record(
        2,
        eventSource="kms.amazonaws.com",
        eventName="Decrypt",
        userIdentity=for_ann,
        requestParameters={"encryptionContext": {"SecretVersionId": "v-1"}},
    )
    stranger = record(
        3,
        eventSource="kms.amazonaws.com",
        eventName="Decrypt",
        userIdentity=for_ann,
        requestParameters={"encryptionContext": {"SecretVersionId": "v-2"}},
    )
    assert [a.get("parent_id") for a in translate(used, read, stranger).actions] == [read["eventID"], None, None]


def test_one_request_id_links_what_services_did_to_the_call_of_a_person():
    run = record(1, eventName="RunInstances", requestID="R")
    role = record(2, requestID="R", userIdentity={"type": "AWSService", "invokedBy": "ec2.amazonaws.com"})
    two = [record(3, requestID="Q"), record(4, requestID="Q")]
    assert [a.get("parent_id") for a in translate(role, run, *two).actions] == [run["eventID"], None, None, None]


def test_a_file_its_gzip_and_its_lines_are_read_alike(tmp_path):
    records = [record(1), record(2)]
    plain = tmp_path / "a.json"
    plain.write_text(json.dumps({"Records": records}))
    zipped = tmp_path / "b.json.gz"
    zipped.write_bytes(gzip.compress(plain.read_bytes()))
    lines = tmp_path / "c.jsonl"
    lines.write_text("\n".join([json.dumps({"delivered_in": "x", "record": r}) for r in records] + ["{oops", ""]))
    found = files.find([tmp_path])
    assert [p.name for p in found] == ["a.json", "b.json.gz", "c.jsonl"]
    a, b, c = (files.read(p) for p in found)
    assert a.digest == b.digest != c.digest
    assert [e.plain for e in a.entries] == [e.plain for e in b.entries] == records
    assert [e.problem for e in c.entries] == [None, None, "not_json"]
    assert c.entries[2].place == "c.jsonl:3"


def test_a_broken_gzip_is_a_reason_and_no_exception(tmp_path):
    bad = tmp_path / "x.json.gz"
    bad.write_bytes(gzip.compress(b"{}" * 100)[:20])
    (entry,) = files.read(bad).entries
    assert entry.problem == "unreadable_file"
    assert [s.reason for s in cloudtrail.translate([entry], "d").skipped] == ["unreadable_file"]


@pytest.mark.skipif(not SHARED.exists(), reason="the 2,900 real records are not on this machine")
def test_all_real_records_translate_with_whole_sequences_and_links_that_make_sense():
    history = files.read(SHARED)
    done = cloudtrail.translate(history.entries, history.digest)
    assert len(done.actions) == 2_900
    assert done.skipped == ()
    assert len({a["id"] for a in done.actions}) == 2_900
    numbers = defaultdict(list)
    for action in done.actions:
        numbers[action["actor"]["id"]].append(action["sequence"])
    assert all(seen == list(range(1, len(seen) + 1)) for seen in numbers.values())
    assert Counter(a.get("retryable", False) for a in done.actions)[True] == 102
    assert sum("error" in a for a in done.actions) == 300
    by_id = {a["id"]: a for a in done.actions}
    nested = Counter((by_id[a["parent_id"]]["type"], a["type"]) for a in done.actions if "parent_id" in a)
    assert nested[("ssm.amazonaws.com:PutParameter", "kms.amazonaws.com:Encrypt")] == 42
    assert ("ssm.amazonaws.com:GetParameter", "kms.amazonaws.com:Encrypt") not in nested
    assert done == cloudtrail.translate(history.entries, history.digest)


@pytest.mark.skipif(not SHARED.exists(), reason="the 2,900 real records are not on this machine")
def test_the_gateway_takes_all_real_actions_under_the_ids_of_their_events():
    history = files.read(SHARED)
    done = cloudtrail.translate(history.entries, history.digest)
    known = {e.plain["eventID"] for e in history.entries}
    taken = [gateway_translate(action, "t", 1_700_000_000_000) for action in done.actions]
    assert {ids.text(action.event_id) for action in taken} == known
    assert all(action.traits & BACKFILL for action in taken)
