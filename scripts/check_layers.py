#!/usr/bin/env python3
"""Fails where a folder includes one it may not. The table is the architecture; ARCHITECTURE.md quotes it."""
import pathlib
import re
import sys

MAY = {  # folder: what it may include, besides itself
    "archive": [],
    "protocol": [],
    "core": ["protocol"],
    "host": ["core", "protocol"],
    "storage": ["host", "core", "protocol"],
    "hypervisor": ["host", "core", "protocol"],
    "helper": ["host", "core", "protocol"],
    "network": ["host", "core", "protocol"],
    "images": ["host", "core", "protocol"],
    "tls": ["host", "core", "protocol"],
    "ssh": ["host", "core", "protocol"],
    "guest": ["archive", "core"],
    "transport": ["host", "core", "protocol"],
    "port": ["guest", "ssh", "host", "core", "protocol"],
    "actors": ["guest", "port", "transport", "ssh", "hypervisor", "storage", "host", "core", "protocol"],
    "client": ["host", "core", "protocol", "include"],
    "include": ["protocol"],
    "daemon": ["actors", "transport", "ssh", "hypervisor", "storage", "host", "core", "protocol"],
    "embed": ["include", "client", "daemon", "transport", "host", "core", "protocol"],
    "workspace": ["host", "core", "protocol"],
    "cli": ["archive", "workspace", "client", "guest", "host", "core", "protocol"],
}
# Headers that load CAF. Folders that must stay free of it, so that the command line starts fast and the pure
# parts compile fast, may not include them.
CAF_FREE = ["core", "host", "storage", "hypervisor", "helper", "network", "images", "tls", "ssh", "client", "workspace", "cli"]
CAF_HEADERS = re.compile(r'#\s*include\s+["<](caf/|protocol/(actors|caf_error|caf_types)\.hpp)')
INCLUDE = re.compile(r'\s*#\s*include\s+"([a-z_]+)/')


def main() -> int:
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    bad = 0
    for folder, allowed in MAY.items():
        for path in sorted((root / folder).rglob("*.[hc]*")):
            if path.suffix not in (".hpp", ".cpp", ".h", ".c"):
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                target = INCLUDE.match(line)
                if target and target[1] in MAY and target[1] != folder and target[1] not in allowed:
                    print(f"{path}:{number}: {folder}/ may not include {target[1]}/")
                    bad += 1
                if folder in CAF_FREE and CAF_HEADERS.search(line):
                    print(f"{path}:{number}: {folder}/ must not know CAF")
                    bad += 1
    print(f"{bad} forbidden includes")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
