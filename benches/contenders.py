"""What stands between client and server: how each is started."""

import os
from pathlib import Path

from processes import Process, free_port

ROOT = Path(__file__).resolve().parents[1]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
WSAUDIT = Path(os.environ.get("WSAUDIT", TARGET / "release/wsaudit")).absolute()
LOAD = TARGET / "release/examples/load"
MITMDUMP = ROOT / ".peers/bench-venv/bin/mitmdump"

# As many workers as there are cores, like the others; no log, since none of the others writes one.
NGINX = """
worker_processes auto;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log;
events {{ worker_connections 10240; }}
http {{
    access_log off;
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $http_connection;
            proxy_read_timeout 1h;
        }}
    }}
}}
"""

HAPROXY = """
global
    maxconn 9000
defaults
    mode http
    timeout connect 10s
    timeout client 1h
    timeout server 1h
    timeout tunnel 1h
frontend clients
    bind 127.0.0.1:{port}
    default_backend echo
backend echo
    server echo 127.0.0.1:{upstream}
"""


def direct(_folder, upstream):
    return None, upstream


def nginx(folder, upstream):
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port, upstream=upstream))
    proxy = Process("nginx", ["/usr/sbin/nginx", "-p", folder, "-e", folder / "nginx-error.log", "-c", config], folder / "nginx.log")
    return proxy, port


def haproxy(folder, upstream):
    port = free_port()
    config = folder / "haproxy.cfg"
    config.write_text(HAPROXY.format(port=port, upstream=upstream))
    return Process("haproxy", ["/usr/sbin/haproxy", "-db", "-f", config], folder / "haproxy.log"), port


def mitmproxy(folder, upstream):
    port = free_port()
    command = [
        MITMDUMP, "--quiet", "--mode", f"reverse:http://127.0.0.1:{upstream}",
        "--listen-host", "127.0.0.1", "--listen-port", port, "-w", folder / "mitmproxy.flows",
        "--set", f"confdir={folder / 'mitmproxy'}",
    ]  # fmt: skip
    return Process("mitmproxy", command, folder / "mitmproxy.log"), port


def wsaudit(folder, upstream, binary=WSAUDIT):
    command = [binary, "record", "--json", "--listen", "127.0.0.1:0", "--upstream", f"http://127.0.0.1:{upstream}",
               "--out", folder / "wsaudit.db"]  # fmt: skip
    proxy = Process("wsaudit", command, folder / "wsaudit.log")
    return proxy, proxy.printed_port()


CONTENDERS = {start.__name__: start for start in (direct, nginx, haproxy, mitmproxy, wsaudit)}
RECORDS = {"mitmproxy", "wsaudit"}
