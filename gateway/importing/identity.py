"""Who acted and on what, as a CloudTrail record says it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# What a request acts on, by the names that AWS services use; the first that is present wins. Found in the
# request and not in `resources`, because a refused or throttled call carries only the request, and must name
# the same resource as the try that succeeds.
_NAMES = (
    ("bucketName", "s3"),
    ("secretId", "secret"),
    ("functionName", "function"),
    ("roleName", "role"),
    ("roleArn", "role"),
    ("instanceProfileName", "instance-profile"),
    ("policyArn", "policy"),
    ("userName", "user"),
    ("groupName", "group"),
    ("dBInstanceIdentifier", "db"),
    ("dBSnapshotIdentifier", "db-snapshot"),
    ("instanceId", "instance"),
    ("volumeId", "volume"),
    ("snapshotId", "snapshot"),
    ("imageId", "image"),
    ("groupId", "security-group"),
    ("subnetId", "subnet"),
    ("routeTableId", "route-table"),
    ("internetGatewayId", "internet-gateway"),
    ("natGatewayId", "nat-gateway"),
    ("vpcId", "vpc"),
    ("trailName", "trail"),
    ("keyId", "key"),
    ("topicArn", "topic"),
    ("queueUrl", "queue"),
    ("tableName", "table"),
    ("clusterName", "cluster"),
    ("stackName", "stack"),
    ("logGroupName", "log-group"),
    ("documentName", "document"),
    ("resourceArn", ""),
    ("resourceId", ""),
    ("name", ""),
)
NAME_CHARACTERS_MAX = 1024


def actor(record: Mapping[str, Any]) -> tuple[str, str | None] | None:
    """(identity, display name): the ARN, else the principal, else the service that acted; None when nobody is
    named."""
    identity = record.get("userIdentity")
    if not isinstance(identity, Mapping):
        return None
    name = _text(identity, "userName")
    for key in ("arn", "principalId", "invokedBy", "userName", "accountId"):
        found = _text(identity, key)
        if found is not None:
            return found, name
    return None


def resource(record: Mapping[str, Any]) -> str:
    """What was acted on: named by the request, else the only ARN under `resources`, else the service."""
    source = str(record.get("eventSource") or "")
    service = source.removesuffix(".amazonaws.com")
    request = record.get("requestParameters")
    if isinstance(request, Mapping):
        for key, kind in _NAMES:
            value = _text(request, key)
            if value is not None:
                return _named(value, kind, service)
    arns = [a for a in _arns(record) if a]
    if len(set(arns)) == 1:
        return _named(arns[0], "", service)
    extra = record.get("additionalEventData")
    if isinstance(extra, Mapping) and (arn := _text(extra, "ARN")) is not None:
        return _named(arn, "", service)
    return source


def _named(value: str, kind: str, service: str) -> str:
    # An ARN names itself; a bare name gets its service, or two services' `default` would be one resource.
    if value.startswith("arn:"):
        return value[:NAME_CHARACTERS_MAX]
    if service == kind or not kind:
        return f"{service}:{value}"[:NAME_CHARACTERS_MAX]
    return f"{service}:{kind}/{value}"[:NAME_CHARACTERS_MAX]


def _arns(record: Mapping[str, Any]) -> list[str]:
    listed = record.get("resources")
    if not isinstance(listed, list):
        return []
    return [str(item.get("ARN") or item.get("arn") or "") for item in listed if isinstance(item, Mapping)]


def _text(plain: Mapping[str, Any], key: str) -> str | None:
    value = plain.get(key)
    return value[:NAME_CHARACTERS_MAX] if isinstance(value, str) and value else None
