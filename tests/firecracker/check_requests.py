#!/usr/bin/python3
"""Holds every request that we can send to Firecracker's published description of its API, and shows that the
description would refuse each of them were it wrong.

Usage: check_requests.py PROGRAM     PROGRAM writes a request a line: {"method", "path", "body"}.
"""
import copy
import json
import subprocess
import sys

from api_document import Document

WRONG = {str: 7, int: "7", bool: "yes", list: {}, dict: []}  # a value of another type for one of each
# What must be among the requests: without this a program that writes nothing would pass.
OPERATIONS = {
    "describeInstance", "getFirecrackerVersion", "getMachineConfiguration", "putMachineConfiguration",
    "putGuestBootSource", "putGuestDriveByID", "patchGuestDriveByID", "putGuestNetworkInterfaceByID", "putGuestVsock",
    "putLogger", "putMetrics", "putEntropyDevice", "putSerialDevice", "createSyncAction", "patchVm", "createSnapshot",
    "loadSnapshot",
}


def places(value, path=()):
    """Yields the path of every value inside a JSON value."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield path + (key,)
        yield from places(child, path + (key,))


def changed(body, path, change):
    copied = copy.deepcopy(body)
    parent = copied
    for key in path[:-1]:
        parent = parent[key]
    change(parent, path[-1] if path else None)
    return copied


def mutations(document, request):
    """Yields (what was done, the body) of requests that Firecracker must refuse."""
    body = request["body"]
    for path in places(body):
        def retype(parent, key):
            parent[key] = WRONG[type(parent[key])]
        yield f"{path} of another type", changed(body, path, retype)
    objects = [()] + [path for path in places(body) if isinstance(changed_value(body, path), dict)]
    for path in objects:
        def add(parent, key):
            (parent if key is None else parent[key])["unheard_of"] = 1
        yield f"an unknown field at {path}", changed(body, path, add)
    schema = document.operation(request["method"], request["path"])[1]["parameters"][-1]["schema"]
    for name in document.text["definitions"][schema["$ref"].rpartition("/")[2]].get("required", []):
        without = copy.deepcopy(body)
        del without[name]
        yield f"no {name}", without


def changed_value(body, path):
    for key in path:
        body = body[key]
    return body


def main():
    document = Document()
    lines = subprocess.run([sys.argv[1]], check=True, capture_output=True, text=True).stdout.splitlines()
    failures, refused, seen = [], 0, set()
    for line in lines:
        request = json.loads(line)
        method, path, body = request["method"], request["path"], request["body"]
        found = document.operation(method, path)
        seen.add(found[1]["operationId"] if found else "")
        error = document.check_request(method, path, body)
        if error:
            failures.append(f"{method} {path} {json.dumps(body)}: {error}")
        elif body is not None:
            for what, wrong in mutations(document, request):
                if document.check_request(method, path, wrong) is None:
                    failures.append(f"{method} {path} with {what} is not refused: {json.dumps(wrong)}")
                refused += 1
            if document.check_request(method, path, None) is None:
                failures.append(f"{method} {path} without a body is not refused")
        if document.check_request("DELETE", path, body) is None:
            failures.append(f"DELETE {path} is not refused")
    failures += [f"no request is a {name}" for name in sorted(OPERATIONS - seen)]
    for failure in failures:
        print(failure)
    print(f"{len(lines)} requests hold to the description, {refused} wrong ones are refused, {len(failures)} failures")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
