"""YAML and JSON as documents with their lines, bounded before anything is built of them. Pure."""

from __future__ import annotations

import json
from typing import Any

import yaml

from gateway.catalog.sources.told import refuse

# `kubectl get -o json` of a few thousand objects; YAML of that size takes minutes, so it has a limit of its own.
JSON_BYTES_MAX = 67_108_864
YAML_BYTES_MAX = 8_388_608
DOCUMENTS_MAX = 20_000
DEPTH_MAX = 50
# With what aliases stand for: a few lines of anchors can stand for more than any memory holds.
NODES_MAX = 1_000_000
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def documents(raw: bytes, name: str) -> list[tuple[int, Any]]:
    """(line, document) of a file; empty documents are left out. Raises ConfigurationError: `catalog_syntax`,
    `catalog_too_large`, `catalog_not_text`."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        refuse("catalog_not_text", name, f"it is not UTF-8 at byte {error.start}", "Save it as UTF-8.")
    if text.lstrip()[:1] in ("{", "[") and name.endswith(".json"):
        return _json(text, name, len(raw))
    if len(raw) > YAML_BYTES_MAX:
        why = f"{len(raw)} bytes of YAML, the limit is {YAML_BYTES_MAX}"
        refuse("catalog_too_large", name, why, "Split the file, or give JSON.")
    return _yaml(text, name)


def _json(text: str, name: str, size: int) -> list[tuple[int, Any]]:
    if size > JSON_BYTES_MAX:
        refuse("catalog_too_large", name, f"{size} bytes, the limit is {JSON_BYTES_MAX}", "Split the file.")
    try:
        plain = json.loads(text)
    except json.JSONDecodeError as error:
        refuse("catalog_syntax", f"{name}:{error.lineno}", error.msg, "Correct the JSON.")
    except ValueError as error:  # a number of thousands of digits
        refuse("catalog_syntax", name, str(error)[:200], "Correct the JSON.")
    except RecursionError:
        refuse("catalog_too_large", name, "it is nested too deeply", "Give what kubectl writes.")
    return [(1, plain)]


def _yaml(text: str, name: str) -> list[tuple[int, Any]]:
    out: list[tuple[int, Any]] = []
    loader = _LOADER(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            line = node.start_mark.line + 1
            _bounded(node, f"{name}:{line}")
            plain = loader.construct_document(node)
            if plain is not None:
                out.append((line, plain))
            if len(out) > DOCUMENTS_MAX:
                refuse("catalog_too_large", name, f"more than {DOCUMENTS_MAX} documents", "Split the file.")
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{name}:{mark.line + 1}" if mark is not None else name
        refuse("catalog_syntax", place, str(getattr(error, "problem", None) or error), "Correct the YAML.")
    except (RecursionError, ValueError) as error:
        refuse("catalog_syntax", name, str(error)[:200] or "nested too deeply", "Correct the YAML.")
    finally:
        loader.dispose()
    return out


def _bounded(root: Any, where: str) -> None:
    """Refuse what is nested too deeply or stands for too much; an alias counts as much as what it stands for."""
    known: dict[int, tuple[int, int]] = {}
    open_: set[int] = set()
    walk: list[tuple[Any, bool]] = [(root, False)]
    while walk:
        node, done = walk.pop()
        if id(node) in known:
            continue
        inner = _inner(node)
        if done:
            open_.discard(id(node))
            sizes = [known[id(child)] for child in inner]
            size = 1 + sum(s for s, _ in sizes)
            depth = 1 + max((d for _, d in sizes), default=0)
            if size > NODES_MAX or depth > DEPTH_MAX:
                why = f"it stands for more than {NODES_MAX} values, or is nested more than {DEPTH_MAX} deep"
                refuse("catalog_too_large", where, why, "Write it without anchors that repeat each other.")
            known[id(node)] = (size, depth)
            continue
        if id(node) in open_:
            refuse("catalog_syntax", where, "an anchor stands for itself", "Write it out.")
        open_.add(id(node))
        walk.append((node, True))
        for child in inner:
            if id(child) in open_:
                refuse("catalog_syntax", where, "an anchor stands for itself", "Write it out.")
            walk.append((child, False))


def _inner(node: Any) -> list[Any]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []
