#!/usr/bin/python3
"""An sshd of root's at a Unix socket, for the stand-in of a user who could start none that lets root in.

Usage: sshd_at.py serve SOCKET SSHD [ARG...]     starts that for each connection
       sshd_at.py join SOCKET                    connects stdin, a socket, to it"""

import os
import select
import socket
import subprocess
import sys
import threading


def serve(path, command):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        os.chmod(path, 0o666)
        listener.listen(16)
        while True:
            client = listener.accept()[0]
            threading.Thread(target=run, args=(command, client), daemon=True).start()


def run(command, client):
    with client:
        subprocess.run(command, stdin=client, stdout=client, check=False)


def join(path):
    far, near = socket.socket(socket.AF_UNIX), socket.socket(fileno=0)
    far.connect(path)
    other = {far: near, near: far}
    while True:
        for ready in select.select(list(other), [], [])[0]:
            data = ready.recv(1 << 16)
            if not data:
                return
            other[ready].sendall(data)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2], sys.argv[3:])
    else:
        join(sys.argv[2])
