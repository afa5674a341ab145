"""Reads HTTP/1.1 requests from a growing buffer. Strict where laxness would let two servers see two different requests."""

import re

from model_service.answers import RequestError

MAX_HEAD = 65536
_token = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_digits = re.compile(rb'[0-9]{1,18}')
_hex = re.compile(rb'[0-9A-Fa-f]{1,15}')


class Request:
    __slots__ = ('method', 'path', 'query', 'headers', 'keep_alive', 'length', 'expects', 'body')

    def header(self, name):
        """A header's text by its lower-case name, or ''."""
        return self.headers.get(name, b'').decode('latin-1')


def _bad(message):
    return RequestError(400, 'MR.0101', message, close=True)


def parse_head(head):
    """The request of a head without its final empty line. `length` is -1 for a chunked body."""
    lines = head.split(b'\r\n')
    words = lines[0].split(b' ')
    if len(words) != 3 or not _token.fullmatch(words[0]):
        raise _bad('the request line is malformed.')
    version = words[2]
    if version not in (b'HTTP/1.1', b'HTTP/1.0'):
        raise RequestError(505, 'MR.0101', 'only HTTP/1.1 and HTTP/1.0 are spoken here.', close=True)
    headers = {}
    for line in lines[1:]:
        name, colon, value = line.partition(b':')
        if not colon or not _token.fullmatch(name):
            raise _bad('a header line is malformed.')
        name = name.lower().decode('ascii')
        value = value.strip(b' \t')
        if name in headers:
            if name in ('content-length', 'transfer-encoding', 'content-type', 'host'):
                if headers[name] != value or name == 'transfer-encoding':
                    raise _bad(f'the header {name} is sent twice.')
                continue
            value = headers[name] + b', ' + value
        headers[name] = value
    request = Request()
    request.method = words[0].decode('ascii')
    path, _, query = words[1].decode('latin-1').partition('?')
    request.path = path
    request.query = query
    request.headers = headers
    request.body = b''
    connection = headers.get('connection', b'').lower()
    request.keep_alive = b'close' not in connection if version == b'HTTP/1.1' else b'keep-alive' in connection
    encoding = headers.get('transfer-encoding')
    length = headers.get('content-length')
    if encoding is not None:
        if length is not None:
            raise _bad('Content-Length and Transfer-Encoding exclude each other.')
        if encoding.lower() != b'chunked' or version == b'HTTP/1.0':
            raise RequestError(501, 'MR.0101', 'the only transfer encoding supported is chunked.', close=True)
        request.length = -1
    elif length is not None:
        if not _digits.fullmatch(length):
            raise _bad('Content-Length is not a number.')
        request.length = int(length)
    else:
        request.length = 0
    request.expects = headers.get('expect', b'').lower() == b'100-continue' and version == b'HTTP/1.1'
    return request


class ChunkedBody:
    """Decodes a chunked body as it comes. `feed` consumes from the buffer and tells whether the body is complete."""

    def __init__(self, limit):
        self.limit = limit
        self.body = bytearray()
        self.left = 0  # bytes of the current chunk still to come; with their line end
        self.trailers = False

    def feed(self, buffer):
        while True:
            if self.trailers:
                end = buffer.find(b'\r\n')
                if end < 0:
                    if len(buffer) > MAX_HEAD:
                        raise _bad('the trailers of the chunked body are too long.')
                    return False
                del buffer[:end + 2]
                if end == 0:
                    return True
                continue
            if self.left:
                take = min(self.left - 2, len(buffer))
                if take > 0:
                    self.body += buffer[:take]
                    del buffer[:take]
                    self.left -= take
                if self.left > 2 or len(buffer) < 2:
                    return False
                if buffer[:2] != b'\r\n':
                    raise _bad('a chunk of the body does not end where it should.')
                del buffer[:2]
                self.left = 0
            end = buffer.find(b'\r\n')
            if end < 0:
                if len(buffer) > 4096:
                    raise _bad('the size line of a chunk is too long.')
                return False
            size = bytes(buffer[:end]).partition(b';')[0].strip(b' \t')
            if not _hex.fullmatch(size):
                raise _bad('the size of a chunk is not a hexadecimal number.')
            count = int(size, 16)
            if len(self.body) + count > self.limit:
                raise too_large(self.limit)
            del buffer[:end + 2]
            if count == 0:
                self.trailers = True
            else:
                self.left = count + 2


def too_large(limit):
    """The refusal of a body beyond the limit."""
    size = f'{limit // 1048576} MiB' if limit >= 1048576 and limit % 1048576 == 0 else f'{limit} bytes'
    return RequestError(413, 'MR.0103', f'the request body is larger than {size}, the limit of this service.', close=True)
