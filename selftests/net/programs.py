#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Unmodified programs between two namespaces: curl, http.server, socat, nginx.

On toytcp they are started by scripts/toytcp run, on TCP directly.
"""
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

import lib
from lib import scenario

HERE = os.path.dirname(os.path.realpath(__file__))
SCRIPTS = (os.environ.get("TOYTCP_SCRIPTS")
           or os.path.join(HERE, "..", "..", "scripts"))
MB = 1 << 20


def command(*words: str) -> list[str]:
    if not shutil.which(words[0]):
        raise lib.Skip(f"no {words[0]} on this machine")
    return ([os.path.join(SCRIPTS, "toytcp"), "run"] if lib.TOYTCP
            else []) + list(words)


def begin(case: lib.Case, end: lib.Namespace, *words: str,
          **options) -> subprocess.Popen:
    """Starts a program in the background, until the scenario ends."""
    with end:
        process = subprocess.Popen(command(*words), **options)

    def stop() -> None:
        process.kill()
        process.wait()

    case.callback(stop)
    return process


def output(end: lib.Namespace, *words: str, status: int = 0) -> bytes:
    with end:
        done = subprocess.run(command(*words), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False,
                              timeout=lib.SCENARIO_S)
    assert done.returncode == status, \
        f"{words[0]} exits with {done.returncode}: {done.stderr.decode()}"
    return done.stdout


def listening(end: lib.Namespace, port: int) -> bool:
    if lib.TOYTCP:
        return any(one["local"].endswith(f":{port}")
                   for one in end.listeners())
    return f":{port:04X} 00000000:0000 0A" in end.read("/proc/net/tcp")


def wait_for_server(end: lib.Namespace, port: int,
                    process: subprocess.Popen) -> None:
    def there() -> bool:
        assert process.poll() is None, f"{process.args} has ended"
        return listening(end, port)
    lib.wait_until(f"a listener on port {port}", there, 120)


def web_server(case: lib.Case, end: lib.Namespace) -> str:
    """Starts http.server on port 8000 with a file of 10 MB; returns its
    hash."""
    directory = case.enter_context(tempfile.TemporaryDirectory())
    content = os.urandom(10 * MB)
    with open(os.path.join(directory, "file"), "wb") as file:
        file.write(content)
    process = begin(case, end, sys.executable, "-m", "http.server", "8000",
                    "--directory", directory, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL)
    wait_for_server(end, 8000, process)
    return hashlib.sha256(content).hexdigest()


@scenario()
def curl_and_http_server(case):
    left, right = case.pair_of_hosts()
    digest = web_server(case, right)
    for _ in range(3):
        got = output(left, "curl", "--silent", "--http1.0",
                     "http://10.0.0.2:8000/file")
        assert hashlib.sha256(got).hexdigest() == digest
    page = output(left, "curl", "--silent", "http://10.0.0.2:8000/")
    assert b"Directory listing" in page, page
    if lib.TOYTCP:
        assert right.stats()["passive_opens"] == 4
        assert left.stats()["active_opens"] == 4


@scenario()
def curl_refused(case):
    left, _ = case.pair_of_hosts()
    output(left, "curl", "--silent", "http://10.0.0.2:8000/", status=7)
    if lib.TOYTCP:
        assert left.stats()["attempt_fails"] == 1


@scenario()
def socat_both_ways(case):
    left, right = case.pair_of_hosts()
    data = os.urandom(4 * MB)
    echo = begin(case, right, "socat", "TCP4-LISTEN:7000,reuseaddr",
                 "SYSTEM:cat")
    wait_for_server(right, 7000, echo)
    client = begin(case, left, "socat", "-t60", "-", "TCP4:10.0.0.2:7000",
                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    got, _ = client.communicate(data, timeout=lib.SCENARIO_S)
    assert client.returncode == 0 and got == data
    assert echo.wait(lib.DEADLINE_S) == 0


NGINX = """daemon off; worker_processes 2; pid {room}/pid; user root; error_log
{room}/errors; events {{ worker_connections 256; }} http {{ access_log off;
client_body_temp_path {room}/1; proxy_temp_path {room}/2;
    fastcgi_temp_path {room}/3; uwsgi_temp_path {room}/4; scgi_temp_path
    {room}/5; sendfile on; tcp_nopush on; default_type text/plain; gzip off;
    server {{ listen 8000 reuseport backlog=64; root {room}; }} }}
"""


def unpacked(name: str) -> str:
    """The nginx program in the cache, or an installed one."""
    path = os.path.join(os.environ.get("TOYTCP_CACHE", ""), name, "root",
                        "usr", "sbin", name)
    return path if os.path.exists(path) else name


@scenario()
def nginx_and_curl(case):
    """Several workers with a listener each; sendfile, keep-alive."""
    left, right = case.pair_of_hosts()
    room = case.enter_context(tempfile.TemporaryDirectory())
    content = os.urandom(3 * MB)
    for name in range(4):
        with open(os.path.join(room, f"file{name}"), "wb") as file:
            file.write(content[name:])
    with open(os.path.join(room, "conf"), "w", encoding="ascii") as file:
        file.write(NGINX.format(room=room))
    server = begin(case, right, unpacked("nginx"), "-e", f"{room}/errors",
                   "-c", f"{room}/conf", stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)

    def stop() -> None:     # if killed, it would leave its workers
        server.terminate()
        server.wait(lib.DEADLINE_S)

    case.callback(stop)
    wait_for_server(right, 8000, server)
    url = "http://10.0.0.2:8000/file"
    for _ in range(5):                  # one connection for four requests
        got = output(left, "curl", "--silent", "--fail", *(
            f"{url}{name}" for name in range(4)))
        assert got == b"".join(content[name:] for name in range(4))
    got = output(left, "curl", "--silent", "--fail", "--range", "100000-199999",
                 f"{url}0")
    assert got == content[100000:200000]
    output(left, "curl", "--silent", "--fail", f"{url}9", status=22)
    if lib.TOYTCP:
        assert left.stats()["active_opens"] == 7, left.stats()


@scenario(toytcp_only=True)
def socat_by_its_own_option(case):
    """Without the preloaded library, since socat accepts a protocol number."""
    left, right = case.pair_of_hosts()
    with right:
        server = subprocess.Popen(
            ["socat", "-u", f"TCP4-LISTEN:7000,protocol={lib.PROTO}", "-"],
            stdout=subprocess.PIPE)
    case.callback(server.kill)
    wait_for_server(right, 7000, server)
    data = os.urandom(MB)
    reader = lib.Thread(server.communicate, None, lib.SCENARIO_S)
    with left:
        subprocess.run(["socat", "-u", "-",
                        f"TCP4:10.0.0.2:7000,protocol={lib.PROTO}"],
                       input=data, check=True, timeout=lib.SCENARIO_S)
    got, _ = reader.finish()
    assert got == data


@scenario(toytcp_only=True)
def bad_arguments_of_the_command(case):
    """Bad arguments give a usage line and exit status 2."""
    for words in (["run"], ["nosuch"], []):
        done = subprocess.run([os.path.join(SCRIPTS, "toytcp"), *words],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False)
        assert done.returncode == 2, (words, done.returncode)
        assert b"usage" in done.stderr.lower(), done.stderr


if __name__ == "__main__":
    lib.main()
