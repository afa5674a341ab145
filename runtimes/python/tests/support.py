"""What several tests share: packages on disk, a server process, a small HTTP client."""

import http.client
import os
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def package(files):
    """A directory with these files (name to text); the caller removes it."""
    directory = tempfile.mkdtemp(prefix='atelier-package-')
    for name, text in files.items():
        with open(os.path.join(directory, name), 'w') as f:
            f.write(textwrap.dedent(text))
    return directory


class ServerProcess:
    """`python -m model_service.server` on a free port, with its output."""

    def __init__(self, directory, **env):
        settings = {'MODEL_PATH': directory, 'SERVICE_HOST': '127.0.0.1', 'SERVICE_PORT': '0', 'SERVICE_LINGER': '0',
                    'PYTHONUNBUFFERED': '1', 'PYTHONDONTWRITEBYTECODE': '1', **env}
        self.connections = []
        self.output = tempfile.TemporaryFile('w+')
        self.process = subprocess.Popen([sys.executable, '-m', 'model_service.server'], cwd=ROOT, env={**os.environ, **settings},
                                        stdout=self.output, stderr=subprocess.STDOUT)

    def text(self):
        self.output.seek(0)
        return self.output.read()

    def wait_for(self, pattern, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = re.search(pattern, self.text())
            if found:
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        raise AssertionError(f'no {pattern!r} in the output of the server:\n{self.text()}')

    @property
    def port(self):
        return int(self.wait_for(r'port (\d+),').group(1))

    def ready(self):
        self.wait_for('model service ready')
        return self

    def connect(self, timeout=20):
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=timeout)
        self.connections.append(connection)
        return connection

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def exit_code(self, seconds=20):
        return self.process.wait(seconds)

    def close(self):
        for connection in self.connections:
            connection.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.output.close()


def multipart(parts, boundary='frontier'):
    """Body of (head lines, content) parts."""
    body = b''.join(b'--%s\r\n%s\r\n\r\n%s\r\n' % (boundary.encode(), head.encode(), content) for head, content in parts)
    return body + b'--%s--\r\n' % boundary.encode()


def file_part(key, filename, content):
    return f'Content-Disposition: form-data; name="{key}"; filename="{filename}"\r\nContent-Type: image/png', content
