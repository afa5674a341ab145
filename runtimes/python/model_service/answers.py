"""Answers of the server: JSON bodies, results of the model and the MR.* errors.

MR.0101 (400) the body is missing or cannot be decoded      MR.0105 (500) the model's code raised an exception
MR.0102 (400) the model's code cannot use this input        MR.0106 (404, 405) no such path or method
MR.0103 (413) the body is too large                         MR.0107 (415) the content type is not supported
MR.0104 (503) not ready, stopping, or too busy              MR.0108 (408) the request did not arrive in time
"""

import json
import math

REASONS = {
    200: 'OK', 400: 'Bad Request', 404: 'Not Found', 405: 'Method Not Allowed', 408: 'Request Timeout',
    413: 'Payload Too Large', 415: 'Unsupported Media Type', 431: 'Request Header Fields Too Large',
    500: 'Internal Server Error', 501: 'Not Implemented', 503: 'Service Unavailable', 505: 'HTTP Version Not Supported',
}


class RequestError(Exception):
    """A request that is refused: HTTP status, MR code and a text for the caller."""

    def __init__(self, status, code, message, close=False):
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.close = close


class Answer:
    __slots__ = ('status', 'body', 'close', 'headers')

    def __init__(self, status, body, close=False, headers=b''):
        self.status = status
        self.body = body
        self.close = close
        self.headers = headers

    def encode(self, close, head_only=False):
        """The bytes of the answer; `close` announces that the connection ends with it."""
        return b'HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s%s\r\n%s' % (
            self.status, REASONS.get(self.status, 'Error').encode(), len(self.body), self.headers,
            b'Connection: close\r\n' if close else b'', b'' if head_only else self.body)


def failure(status, code, message, close=False, headers=b''):
    """An error answer in the family's shape."""
    body = json.dumps({'erno': code, 'msg': message, 'words_result': {}}, ensure_ascii=False).encode()
    return Answer(status, body, close, headers)


def refuse(error):
    """The answer to a RequestError."""
    headers = b'Retry-After: 1\r\n' if error.status == 503 else b''
    return failure(error.status, error.code, error.message, error.close, headers)


def _plain(value):
    """Turns numpy and torch values into what JSON knows. Raises TypeError for the rest."""
    for method in ('tolist', 'item'):
        convert = getattr(value, method, None)
        if callable(convert):
            return convert()
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode('utf-8', 'replace')
    if isinstance(value, (set, frozenset)) or hasattr(value, '__iter__'):
        return list(value)
    raise TypeError(f'the result holds a {type(value).__name__}, which JSON cannot express')


def _tidy(value):
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(_key(key)): _tidy(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_tidy(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int, bool)):
        return value
    return _tidy(_plain(value))


def _key(key):
    return key.item() if hasattr(key, 'item') else key


def encode_result(result):
    """The model's result as JSON text. Numbers that JSON lacks (NaN, infinities) become null."""
    try:
        return json.dumps(result, default=_plain, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError):
        return json.dumps(_tidy(result), ensure_ascii=False, allow_nan=False).encode()
