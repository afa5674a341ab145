"""Serves a model package over HTTP: `python -m model_service.server`.

POST / runs the model, GET /health tells whether it is ready. Settings are environment variables:

MODEL_PATH             directory of the package                               /home/mind/model
MODEL_NAME             first argument of the constructor                      model
SERVICE_HOST, SERVICE_PORT                                                    0.0.0.0, 8080
SERVICE_CONCURRENCY    requests inside the model at a time                    cores, 2 at least
SERVICE_TORCH_THREADS  threads of one PyTorch operation                       cores / concurrency
SERVICE_MAX_BODY       bytes of a request body                                12582912
SERVICE_MAX_QUEUE      requests waiting for the model                         256
SERVICE_MAX_CONNECTIONS                                                       1024
SERVICE_KEEP_ALIVE     seconds that an idle connection is kept                240
SERVICE_READ_TIMEOUT   seconds for a request to arrive                        60
SERVICE_GRACE          seconds for what is in flight after SIGTERM, 60 at most   10
SERVICE_LINGER         of these, seconds in which new requests are still taken   1

Exit codes: 0 stopped, 2 bad setting, 10 package incomplete, 11 import failed, 12 not one service class,
13 constructor raised, 14 port not available.
"""

import os
import signal
import sys
import threading
import time
import traceback
import urllib.parse

import atelier_cpu
from model_service import log, package
from model_service.answers import Answer, RequestError, encode_result, failure, refuse
from model_service.diagnosis import blame_request
from model_service.form_data import decode_body
from model_service.http_server import HttpServer

logger = log.getLogger('model_service')
HEALTHY = Answer(200, b'{"status":"OK"}')


def number(name, default, low, high):
    """A setting from the environment; ends the process with code 2 when it is not a number in range."""
    text = os.environ.get(name, '').strip()
    try:
        value = float(text) if text else default
    except ValueError:
        value = None
    if value is None or not low <= value <= high:
        say(f'the variable {name} is "{text}"; it must be a number from {low} to {high}.')
        leave(2)
    return int(value) if value == int(value) else value


def say(message):
    print(f'[ModelArts Service Log] {message}', flush=True)


def leave(code):
    """Ends the process at once: threads of native libraries may not survive an orderly end of the interpreter."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


class Application:
    """The states of the service and what it answers: starting → ready → stopping."""

    def __init__(self, methods=('POST',), torch_threads=1):
        self.state = 'starting'
        self.service = None
        self.methods = set(methods)
        self.torch_threads = torch_threads
        self.local = threading.local()

    def answer_now(self, request):
        if request.path == '/health':
            if request.method not in ('GET', 'HEAD'):
                return failure(405, 'MR.0106', 'use GET on /health.', headers=b'Allow: GET, HEAD\r\n')
            return HEALTHY if self.state == 'ready' else failure(503, 'MR.0104', f'the service is {self.state}.')
        if request.path not in ('/', ''):
            return failure(404, 'MR.0106', f'the path {request.path[:200]} does not exist; this service answers on "/" and "/health".')
        if request.method not in self.methods:
            allowed = ', '.join(sorted(self.methods))
            return failure(405, 'MR.0106', f'the method {request.method[:20]} is not allowed; use {allowed}.', headers=f'Allow: {allowed}\r\n'.encode())
        if self.service is None:
            return refuse(RequestError(503, 'MR.0104', 'the service is starting: the model is not loaded yet.'))
        return None

    def answer(self, request):
        if not getattr(self.local, 'ready', False):
            self._prepare_thread()
        try:
            if request.method == 'GET':
                data = dict(urllib.parse.parse_qsl(request.query, keep_blank_values=True))
            else:
                data = decode_body(request.header('content-type'), request.body)
        except RequestError as error:
            return refuse(error)
        request.body = b''
        try:
            return Answer(200, encode_result(self.service.inference(data)))
        except Exception as error:
            blame = blame_request(error, data)
            if blame is not None:
                logger.warning('request refused: %s (%s: %s)', blame.message, type(error).__name__, error)
                return refuse(blame)
            logger.error('the inference code raised an exception\n%s', traceback.format_exc())
            return failure(500, 'MR.0105', 'Recognition failed')

    def _prepare_thread(self):
        self.local.ready = True
        torch = sys.modules.get('torch')
        if torch is not None:
            # Both are kept per thread. Serving needs no gradients.
            torch.set_grad_enabled(False)
            torch.set_num_threads(self.torch_threads)


def main():
    cores = atelier_cpu.cores()
    slots = number('SERVICE_CONCURRENCY', max(2, cores), 1, 256)
    torch_threads = number('SERVICE_TORCH_THREADS', max(1, cores // slots), 1, 1024)
    max_body = number('SERVICE_MAX_BODY', 12 * 1048576, 1, 2**40)
    limits = {
        'slots': slots,
        'max_body': max_body,
        'body_budget': max(4 * max_body, 268435456),
        'max_connections': number('SERVICE_MAX_CONNECTIONS', 1024, 1, 100000),
        'max_queue': number('SERVICE_MAX_QUEUE', 256, 0, 100000),
        'keep_alive': number('SERVICE_KEEP_ALIVE', 240, 1, 86400),
        'read_timeout': number('SERVICE_READ_TIMEOUT', 60, 1, 3600),
    }
    grace = number('SERVICE_GRACE', 10, 0, 60)
    linger = number('SERVICE_LINGER', 1, 0, 60)
    directory = os.environ.get('MODEL_PATH', '/home/mind/model')
    host, port = os.environ.get('SERVICE_HOST', '0.0.0.0'), number('SERVICE_PORT', 8080, 0, 65535)

    stopping = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stopping.set())

    application = Application(package.declared_methods(directory), torch_threads)
    try:
        server = HttpServer(host, port, application.answer_now, application.answer, limits)
    except OSError as error:
        say(f'model service failed to start: {host}:{port} is not available: {error.strerror}.')
        leave(14)
    # A thread that waits for the interpreter while another computes gets it within a millisecond, not five.
    sys.setswitchinterval(0.001)
    server.start()
    say(f'model service starting: package {directory}, port {server.port}, {cores} cores, {slots} requests at a time')
    threading.Thread(target=load, args=(application, directory), name='load', daemon=True).start()
    stopping.wait()

    application.state = 'stopping'
    say(f'model service stopping: answering what is in flight, for {grace} s at most')
    cut = server.stop(grace, linger)
    say('model service stopped' + (f': {cut} requests were cut off after {grace} s' if cut else ''))
    leave(0)


def load(application, directory):
    """Loads the package beside the running server, which answers 503 meanwhile."""
    began = time.monotonic()
    try:
        service, name, path = package.load(directory, os.environ.get('MODEL_NAME', 'model'))
    except package.PackageError as error:
        if error.cause is not None:
            traceback.print_exception(error.cause, file=sys.stdout)
        say(f'model service failed to start: {error}')
        leave(error.exit_code)
    except BaseException:
        traceback.print_exc(file=sys.stdout)
        say('model service failed to start: see the lines above.')
        leave(1)
    application.service = service
    if application.state == 'starting':
        application.state = 'ready'
    say(f'model service ready: {name} loaded {os.path.basename(path)} in {time.monotonic() - began:.2f} s')


if __name__ == '__main__':
    main()
