"""Request bodies: multipart/form-data (RFC 7578), JSON and URL-encoded forms."""

import io
import json
import re
import urllib.parse

from model_service.answers import RequestError

MAX_PARTS = 1000
MAX_PART_HEAD = 16384

_parameter = re.compile(r';\s*([!#$%&\'*+\-.^_`|~0-9A-Za-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]*))', re.S)
_boundary = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{1,70}")


class UploadedFile(io.BytesIO):
    """The content of a file part, open for reading, with what the form said of it."""

    def __init__(self, content, filename, content_type):
        super().__init__(content)
        self.filename = filename
        self.content_type = content_type


def _bad(message):
    return RequestError(400, 'MR.0101', message)


def parameters(value):
    """Parameters of a header such as Content-Disposition, names in lower case."""
    found = {}
    for name, quoted, bare in _parameter.findall(value):
        text = quoted if quoted or not bare else bare.strip()
        # Browsers send back slashes of a file name as they are; only \" and \\ are escapes.
        found.setdefault(name.lower(), re.sub(r'\\(["\\])', r'\1', text))
    return found


def _disposition(head, number):
    disposition, content_type = None, ''
    for line in head.split(b'\r\n'):
        name, colon, value = line.partition(b':')
        if not colon:
            raise _bad(f'part {number} of the multipart body has a header line without a colon.')
        name = name.strip().lower()
        if name == b'content-disposition':
            disposition = value.strip().decode('utf-8', 'replace')
        elif name == b'content-type':
            content_type = value.strip().decode('latin-1')
    if disposition is None or not disposition.lower().startswith('form-data'):
        raise _bad(f'part {number} of the multipart body has no "Content-Disposition: form-data" header.')
    given = parameters(disposition)
    key = given.get('name')
    if not key:
        raise _bad(f'part {number} of the multipart body has no name: send Content-Disposition: form-data; name="image".')
    filename = given.get('filename')
    extended = given.get('filename*')
    if extended is not None:
        charset, _, rest = extended.partition("'")
        try:
            filename = urllib.parse.unquote(rest.partition("'")[2], encoding=charset or 'utf-8', errors='replace')
        except LookupError:
            pass
    return key, filename, content_type


def parse_multipart(content_type, body):
    """Form fields as `{key: {file name: file}}`, text fields as `{key: text}` (a list when repeated).

    Raises RequestError 400 that says which part is malformed.
    """
    boundary = parameters(content_type).get('boundary', '')
    if not _boundary.fullmatch(boundary) or boundary.endswith(' '):
        raise _bad('Content-Type multipart/form-data has no usable boundary; let the HTTP client set this header itself.')
    delimiter = b'--' + boundary.encode('ascii')
    body = bytes(body)
    if body.startswith(delimiter):
        position = len(delimiter)
    else:  # a preamble is allowed and ignored
        position = body.find(b'\r\n' + delimiter)
        if position < 0:
            raise _bad(f'the multipart body does not contain its boundary "{boundary}".')
        position += 2 + len(delimiter)
    delimiter = b'\r\n' + delimiter
    fields = {}
    number = 0
    while True:
        if body[position:position + 2] == b'--':
            break
        line_end = body.find(b'\r\n', position)
        if line_end < 0 or body[position:line_end].strip(b' \t'):
            raise _bad(f'the multipart body is cut off or damaged after part {number}: the closing boundary is missing.')
        number += 1
        if number > MAX_PARTS:
            raise _bad(f'the multipart body has more than {MAX_PARTS} parts.')
        start = line_end + 2
        head_end = body.find(b'\r\n\r\n', start - 2, start + MAX_PART_HEAD)
        if head_end < 0:
            raise _bad(f'part {number} of the multipart body has no end of headers within {MAX_PART_HEAD} bytes.')
        if head_end < start:
            raise _bad(f'part {number} of the multipart body has no headers.')
        key, filename, kind = _disposition(body[start:head_end], number)
        end = body.find(delimiter, head_end + 2)
        if end < 0:
            raise _bad(f'part {number} ("{key}") of the multipart body has no end: the closing boundary is missing.')
        content = body[head_end + 4:end]
        if filename is None:
            _add_text(fields, key, content.decode('utf-8', 'replace'))
        else:
            _add_file(fields, key, UploadedFile(content, filename, kind))
        position = end + len(delimiter)
    if not fields:
        raise _bad('the multipart body has no parts.')
    return fields


def _add_text(fields, key, text):
    old = fields.get(key)
    if old is None:
        fields[key] = text
    elif isinstance(old, dict):
        raise _bad(f'the form key "{key}" is sent both as text and as a file.')
    elif isinstance(old, list):
        old.append(text)
    else:
        fields[key] = [old, text]


def _add_file(fields, key, file):
    files = fields.setdefault(key, {})
    if not isinstance(files, dict):
        raise _bad(f'the form key "{key}" is sent both as text and as a file.')
    name, count = file.filename, 1
    while name in files:  # two files of one name are two inputs
        count += 1
        name = f'{file.filename}#{count}'
    files[name] = file


def decode_body(content_type, body):
    """The request's data for `_preprocess`, by content type. Raises RequestError 400 or 415."""
    if not body:
        raise _bad('the request has no body: send multipart/form-data with the image as a file, or a JSON object.')
    kind = content_type.partition(';')[0].strip().lower()
    if kind == 'multipart/form-data':
        return parse_multipart(content_type, body)
    if kind in ('application/json', 'text/json', 'text/plain', '') or kind.endswith('+json'):
        try:
            return json.loads(body)
        except RecursionError:
            raise _bad('the body is not usable JSON: it is nested too deeply.') from None
        except ValueError as error:
            raise _bad(f'the body is not valid JSON: {error}.') from None
    if kind == 'application/x-www-form-urlencoded':
        try:
            pairs = urllib.parse.parse_qsl(body.decode('utf-8'), keep_blank_values=True, strict_parsing=True, max_num_fields=MAX_PARTS)
        except ValueError:
            raise _bad('the body is not a URL-encoded form; send files as multipart/form-data (curl -F), JSON as application/json.') from None
        fields = {}
        for key, text in pairs:
            _add_text(fields, key, text)
        return fields
    raise RequestError(415, 'MR.0107', f'the content type "{kind[:100]}" is not supported; use multipart/form-data or application/json.')
