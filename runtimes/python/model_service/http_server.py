"""An HTTP/1.1 server for few, costly requests over many kept-alive connections.

All threads wait on one epoll with one-shot events, so a ready connection wakes exactly one of them, which reads, computes
and answers without handing anything over. At most `slots` of them are inside the application at a time; a request
that finds none free waits its turn in a queue, so that reading, health checks and refusals always go on.
"""

import collections
import errno
import select
import socket
import sys
import threading
import time
import traceback

from model_service.answers import RequestError, failure, refuse
from model_service.http_request import MAX_HEAD, ChunkedBody, parse_head, too_large

READ = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLONESHOT
WRITE = select.EPOLLOUT | select.EPOLLONESHOT
CHUNK = 262144
SMALL_BODY = 65536


class Connection:
    __slots__ = ('sock', 'fd', 'lock', 'buffer', 'request', 'chunked', 'out', 'busy', 'closed', 'closing',
                 'lingering', 'deadline', 'reserved', 'scanned')

    def __init__(self, sock, deadline):
        self.sock = sock
        self.fd = sock.fileno()
        self.lock = threading.Lock()
        self.buffer = bytearray()
        self.request = None
        self.chunked = None
        self.out = b''
        self.busy = False
        self.closed = False
        self.closing = False
        self.lingering = 0
        self.deadline = deadline
        self.reserved = 0
        self.scanned = 0


class HttpServer:
    """`answer_now(request)` gives an Answer for what costs nothing (health, refusals) or None; `answer(request)` computes one.

    limits: max_body, body_budget (bytes of all bodies at once), max_connections, max_queue, slots, keep_alive, read_timeout (s).
    """

    def __init__(self, host, port, answer_now, answer, limits):
        self.answer_now = answer_now
        self.answer = answer
        self.limits = limits
        self.connections = {}
        self.lock = threading.Lock()
        self.waiting = collections.deque()
        self.running = 0
        self.reserved = 0
        self.draining = False
        self.stopped = False
        self.paused = False
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((host, port))
        self.listener.listen(1024)
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self.epoll = select.epoll()
        self.epoll.register(self.listener.fileno(), select.EPOLLIN | select.EPOLLONESHOT)
        self.listening = True

    # --- life ------------------------------------------------------------------------------------------------------

    def start(self):
        for number in range(self.limits['slots'] + 2):
            threading.Thread(target=self._work, name=f'http-{number}', daemon=True).start()
        threading.Thread(target=self._keep_house, name='http-timeouts', daemon=True).start()

    def stop(self, grace, linger):
        """Goes on answering for `linger` seconds with `Connection: close`, then takes nothing new and waits until
        what is in flight is answered, `grace` seconds at most in all. Returns how many requests were cut off."""
        end = time.monotonic() + grace
        self.draining = True
        time.sleep(min(linger, grace))
        with self.lock:
            self.listening = False
            self.epoll.unregister(self.listener.fileno())
            self.listener.close()
        while True:
            for connection in list(self.connections.values()):
                if connection.lock.acquire(blocking=False):
                    try:
                        unread = connection.buffer or connection.request
                        if not (connection.busy or connection.out or (unread and not connection.closing)):
                            self._close(connection)
                    finally:
                        connection.lock.release()
            left = len(self.connections)
            if left == 0 or time.monotonic() >= end:
                break
            time.sleep(0.02)
        self.stopped = True
        return sum(1 for c in list(self.connections.values()) if c.busy or c.out)

    def _work(self):
        listener = self.listener.fileno()
        poll = self.epoll.poll
        while not self.stopped:
            try:
                events = poll(5, 1)
            except (InterruptedError, ValueError):
                continue
            for fd, event in events:
                try:
                    if fd == listener:
                        self._accept()
                    else:
                        connection = self.connections.get(fd)
                        if connection is not None:
                            self._step(connection, event)
                except Exception:  # a fault in one connection must not take a thread away from the others
                    traceback.print_exc(file=sys.stdout)
                    connection = self.connections.get(fd)
                    if connection is not None and not connection.busy:
                        self._close(connection)

    def _accept(self):
        for _ in range(16):
            if len(self.connections) >= self.limits['max_connections']:
                with self.lock:
                    self.paused = True
                return
            try:
                sock, _ = self.listener.accept()
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
                    time.sleep(0.05)
                break
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(sock, time.monotonic() + self.limits['read_timeout'])
            self.connections[connection.fd] = connection
            self.epoll.register(connection.fd, READ)
        self._listen_again()

    def _listen_again(self):
        with self.lock:
            self.paused = False
            if self.listening:
                self.epoll.modify(self.listener.fileno(), select.EPOLLIN | select.EPOLLONESHOT)

    def _keep_house(self):
        while not self.stopped:
            time.sleep(1)
            now = time.monotonic()
            if self.paused and len(self.connections) < self.limits['max_connections']:
                self._listen_again()
            for connection in list(self.connections.values()):
                if connection.deadline > now or not connection.lock.acquire(blocking=False):
                    continue
                try:
                    if connection.busy or connection.closed or connection.deadline > now:
                        continue
                    if (connection.request is not None or connection.buffer) and not connection.closing:
                        self._put(connection, failure(408, 'MR.0108', 'the request did not arrive in time.'), True)
                    else:
                        self._close(connection)
                finally:
                    connection.lock.release()

    # --- one connection; the caller holds its lock unless stated otherwise ---------------------------------------------

    def _step(self, connection, event):
        """Reads what there is and answers it. Called without the lock."""
        with connection.lock:
            if connection.closed or connection.busy:
                return
            if connection.out:
                if event & (select.EPOLLERR | select.EPOLLHUP) or not self._flush(connection):
                    if event & (select.EPOLLERR | select.EPOLLHUP):
                        self._close(connection)
                    return
            ended = False
            if event & ~select.EPOLLOUT:
                ended = self._receive(connection)
                if connection.closed:
                    return
            if connection.closing:
                if ended:
                    self._close(connection)
                else:
                    self._arm(connection)
                return
            request = self._next_request(connection)
            if request is None:
                if connection.closed or connection.out:
                    return
                if ended:
                    self._close(connection)
                elif not connection.closing:
                    self._arm(connection)
                return
            connection.busy = True
        self._dispatch(connection, request)

    def _receive(self, connection):
        """Takes what has arrived into the buffer. True at the end of the stream."""
        try:
            data = connection.sock.recv(CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            self._close(connection)
            return True
        if not data:
            return True
        if connection.closing:
            connection.lingering -= len(data)
            if connection.lingering <= 0:
                self._close(connection)
            return False
        connection.buffer += data
        return False

    def _next_request(self, connection):
        """The next complete request in the buffer, or None. Answers a malformed one itself."""
        try:
            buffer = connection.buffer
            request = connection.request
            if request is None:
                while buffer[:2] == b'\r\n':
                    del buffer[:2]
                end = buffer.find(b'\r\n\r\n', max(0, connection.scanned - 3))
                if end < 0:
                    connection.scanned = len(buffer)
                    if len(buffer) > MAX_HEAD:
                        raise RequestError(431, 'MR.0101', f'the request headers are longer than {MAX_HEAD} bytes.', close=True)
                    return None
                if end > MAX_HEAD:
                    raise RequestError(431, 'MR.0101', f'the request headers are longer than {MAX_HEAD} bytes.', close=True)
                connection.scanned = 0
                request = parse_head(bytes(buffer[:end]))
                del buffer[:end + 4]
                limit = self.limits['max_body']
                if request.length > limit:
                    raise too_large(limit)
                if request.length < 0 or request.length > SMALL_BODY:
                    self._reserve(connection, limit if request.length < 0 else request.length)
                if request.length < 0:
                    connection.chunked = ChunkedBody(limit)
                connection.request = request
                connection.deadline = time.monotonic() + self.limits['read_timeout']
                if request.expects and not buffer and request.length != 0:
                    connection.sock.send(b'HTTP/1.1 100 Continue\r\n\r\n')
            if connection.chunked is not None:
                if not connection.chunked.feed(buffer):
                    return None
                request.body = bytes(connection.chunked.body)
            else:
                if len(buffer) < request.length:
                    return None
                if request.length:
                    request.body = bytes(buffer[:request.length])
                    del buffer[:request.length]
            connection.request = connection.chunked = None
            return request
        except RequestError as error:
            self._put(connection, refuse(error), True)
        except OSError:
            self._close(connection)
        return None

    def _reserve(self, connection, count):
        with self.lock:
            if self.reserved + count > self.limits['body_budget']:
                raise RequestError(503, 'MR.0104', 'the service is receiving too many large requests; try again.', close=True)
            self.reserved += count
        connection.reserved = count

    def _dispatch(self, connection, request):
        """Answers a request or queues it. Called without the lock, with `busy` set."""
        try:
            answer = self.answer_now(request)
        except Exception:
            traceback.print_exc(file=sys.stdout)
            answer = failure(500, 'MR.0105', 'Recognition failed')
        if answer is None:
            with self.lock:
                if self.running < self.limits['slots']:
                    self.running += 1
                    run = True
                elif len(self.waiting) < self.limits['max_queue']:
                    self.waiting.append((connection, request))
                    return
                else:
                    run = False
            if run:
                self._run(connection, request)
                return
            answer = refuse(RequestError(503, 'MR.0104', 'the service is busy: too many requests are waiting; try again.'))
        self._finish(connection, request, answer)

    def _run(self, connection, request):
        """Computes answers on this thread's slot until nothing waits."""
        while True:
            try:
                answer = self.answer(request)
            except BaseException:
                traceback.print_exc(file=sys.stdout)
                answer = failure(500, 'MR.0105', 'Recognition failed')
            self._finish(connection, request, answer)
            with self.lock:
                if not self.waiting:
                    self.running -= 1
                    return
                connection, request = self.waiting.popleft()

    def _finish(self, connection, request, answer):
        with connection.lock:
            connection.busy = False
            if connection.reserved:
                with self.lock:
                    self.reserved -= connection.reserved
                connection.reserved = 0
            if not connection.closed:
                close = answer.close or self.draining or not request.keep_alive
                self._put(connection, answer, close, request.method == 'HEAD')

    def _put(self, connection, answer, close, head_only=False):
        connection.closing = connection.closing or close
        if close:
            # Whatever the client still sends is read and dropped for a while, or the reset would overtake the answer.
            connection.lingering = 4 * self.limits['max_body']
        connection.out = answer.encode(close, head_only)
        if self._flush(connection) and not connection.closing:
            self._arm(connection)

    def _flush(self, connection):
        """Sends what is to be sent. True when nothing is left and the connection lives."""
        try:
            sent = connection.sock.send(connection.out)
        except BlockingIOError:
            sent = 0
        except OSError:
            connection.out = b''
            self._close(connection)
            return False
        if sent < len(connection.out):
            connection.out = memoryview(connection.out)[sent:]
            connection.deadline = time.monotonic() + self.limits['read_timeout']
            self.epoll.modify(connection.fd, WRITE)
            return False
        connection.out = b''
        if connection.closing:
            try:
                connection.sock.shutdown(socket.SHUT_WR)
            except OSError:
                self._close(connection)
                return False
            connection.deadline = time.monotonic() + 5
            self.epoll.modify(connection.fd, READ)
        else:
            connection.deadline = time.monotonic() + self.limits['keep_alive']
        return True

    def _arm(self, connection):
        # With bytes of the next request at hand, being writable is event enough.
        pending = connection.buffer and connection.request is None and not connection.scanned
        self.epoll.modify(connection.fd, READ | select.EPOLLOUT if pending else READ)

    def _close(self, connection):
        if connection.closed:
            return
        connection.closed = True
        self.connections.pop(connection.fd, None)
        if connection.reserved:
            with self.lock:
                self.reserved -= connection.reserved
            connection.reserved = 0
        try:
            self.epoll.unregister(connection.fd)
        except (OSError, ValueError):
            pass
        connection.sock.close()
        if self.paused:
            self._listen_again()
