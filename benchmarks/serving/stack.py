"""The usual stack, whole: nginx before gunicorn, as the scikit-learn container has them.

Usage: ``MODEL=FILE python -m benchmarks.serving.stack PORT``
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

CONFIGURATION = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log /dev/null crit;
events {{ worker_connections 2048; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  client_max_body_size 100m;
  keepalive_timeout 75;
  keepalive_requests 1000000;
  upstream gunicorn {{ server unix:{folder}/gunicorn.sock; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_set_header Host $http_host;
      proxy_read_timeout 60s;
      proxy_pass http://gunicorn;
    }}
  }}
}}
"""


def has_nginx() -> bool:
    """Say whether nginx is installed."""
    return shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin") is not None


def main(port: str) -> None:
    """Run both until SIGTERM."""
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin")
    assert nginx is not None
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder, "nginx.conf")
        user = "user root;" if os.geteuid() == 0 else ""  # else nginx becomes another one
        settings.write_text(CONFIGURATION.format(folder=folder, port=port, user=user), "utf-8")
        gunicorn = Path(sys.executable).with_name("gunicorn")
        programs = [
            subprocess.Popen(
                [gunicorn, "-b", f"unix:{folder}/gunicorn.sock", "-k", "gthread", "--threads", "4",
                 "--log-level", "error", "benchmarks.serving.usual:app"]
            ),
            subprocess.Popen([nginx, "-p", folder, "-c", settings]),
        ]  # fmt: skip
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())
        try:
            programs[0].wait()
        finally:
            for program in programs:
                program.terminate()
                program.wait(30)


if __name__ == "__main__":
    main(sys.argv[1])
