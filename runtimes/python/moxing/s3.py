"""The S3 protocol: signed requests (AWS Signature Version 4, path-style), retries, listing, upload and download."""

import concurrent.futures
import datetime
import hashlib
import hmac
import http.client
import os
import random
import ssl
import threading
import time
import urllib.parse
import xml.etree.ElementTree as ElementTree

from moxing import credentials

ATTEMPTS = 6
TIMEOUT = 60
PART = int(os.environ.get('_PARTIAL_MAXIMUM_SIZE') or 0) or 16 * 1048576
PARTS_AT_ONCE = 4
MAX_PARTS = 10000
RETRIED_CODES = {'InternalError', 'ServiceUnavailable', 'SlowDown', 'RequestTimeout', 'OperationAborted'}
EXPIRED_CODES = {'ExpiredToken', 'InvalidToken', 'TokenRefreshRequired', 'InvalidAccessKeyId', 'InvalidSecurityToken', 'SignatureDoesNotMatch'}

_idle = []
_idle_lock = threading.Lock()


class ObsError(OSError):
    """The storage refused: `status` (HTTP), `code` and `reason` (its own words), `path`."""

    def __init__(self, action, path, status, code, reason):
        super().__init__(f'{action} {path} failed: {reason or "no reason given"} ({code or "no code"}, HTTP {status})')
        self.path, self.status, self.code, self.reason = path, status, code, reason


class ObsNotFound(ObsError, FileNotFoundError):
    pass


class ObsDenied(ObsError, PermissionError):
    pass


class LocalError(OSError):
    """A fault of this machine's disk while a transfer ran: not one to repeat."""


def split(path):
    """Bucket and key of `obs://bucket/key` or `s3://bucket/key`. Raises ValueError."""
    scheme, mark, rest = path.partition('://')
    if not mark or scheme not in ('obs', 's3'):
        raise ValueError(f'not an OBS path: {path!r}; it must look like obs://bucket/key')
    bucket, _, key = rest.partition('/')
    if not bucket:
        raise ValueError(f'no bucket in {path!r}; the path must look like obs://bucket/key')
    return bucket, key


def _sign(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def authorization(method, path, query, headers, payload_hash, secret, access, region, stamp):
    """The Authorization header of a request. `path` and `query` are encoded already; all `headers` get signed."""
    names = sorted(headers, key=str.lower)
    lines = ''.join(f'{name.lower()}:{" ".join(str(headers[name]).split())}\n' for name in names)
    signed = ';'.join(name.lower() for name in names)
    canonical = '\n'.join((method, path, query, lines, signed, payload_hash))
    scope = f'{stamp[:8]}/{region}/s3/aws4_request'
    text = '\n'.join(('AWS4-HMAC-SHA256', stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = ('AWS4' + secret).encode()
    for part in (stamp[:8], region, 's3', 'aws4_request'):
        key = _sign(key, part)
    return f'AWS4-HMAC-SHA256 Credential={access}/{scope}, SignedHeaders={signed}, Signature={_sign(key, text).hex()}'


def encode_query(query):
    """Parameters sorted and encoded as the signature wants them."""
    quote = urllib.parse.quote
    return '&'.join(f'{quote(k, safe="-_.~")}={quote(str(v), safe="-_.~")}' for k, v in sorted(query.items()))


def _take(endpoint):
    """A connection to the endpoint, an idle one if there is."""
    with _idle_lock:
        # A child process must not speak over its parent's connections.
        while _idle:
            key, connection = _idle.pop()
            if key == (endpoint, os.getpid()):
                return connection
            if key[1] == os.getpid():
                connection.close()
    if not endpoint.https:
        return http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=TIMEOUT)
    context = ssl.create_default_context()
    if not credentials.verify_certificate():
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(endpoint.host, endpoint.port, timeout=TIMEOUT, context=context)


def _give_back(endpoint, connection):
    with _idle_lock:
        if len(_idle) < 32:
            _idle.append(((endpoint, os.getpid()), connection))
            return
    connection.close()


def close_idle():
    """Closes the connections that wait for the next request."""
    with _idle_lock:
        while _idle:
            _idle.pop()[1].close()


def _send(connection, endpoint, who, method, bucket, key, query, body, headers):
    path = '/' + urllib.parse.quote(f'{bucket}/{key}' if key else bucket, safe='/-_.~')
    text = encode_query(query)
    host = f'[{endpoint.host}]' if ':' in endpoint.host else endpoint.host
    digest = hashlib.sha256(body).hexdigest()
    stamp = datetime.datetime.now(datetime.timezone.utc).strftime('%Y%m%dT%H%M%SZ')
    signed = {
        'Host': host if endpoint.port == (443 if endpoint.https else 80) else f'{host}:{endpoint.port}',
        'x-amz-content-sha256': digest,
        'x-amz-date': stamp,
        **headers,
    }
    if who.token:
        signed['x-amz-security-token'] = who.token
    signed_authorization = authorization(method, path, text, signed, digest, who.secret, who.access, credentials.region(), stamp)
    connection.request(method, path + ('?' + text if text else ''), body=body or None,
                       headers={**signed, 'Authorization': signed_authorization, 'Content-Length': str(len(body))})
    return connection.getresponse()


def _refusal(action, path, status, data):
    code = reason = ''
    try:
        for element in ElementTree.fromstring(data).iter():
            name = element.tag.rpartition('}')[2]
            if name == 'Code':
                code = element.text or ''
            elif name == 'Message':
                reason = element.text or ''
    except ElementTree.ParseError:
        reason = data[:200].decode('utf-8', 'replace').strip()
    if not code:
        code, reason = {404: ('NotFound', reason or 'it does not exist'), 403: ('AccessDenied', reason or 'access denied')}.get(status, (code, reason))
    kind = ObsNotFound if status == 404 else ObsDenied if status in (401, 403) else ObsError
    return kind(action, path, status, code, reason)


def request(action, method, bucket, key='', query=None, body=b'', headers=None, sink=None):
    """One request, repeated while a repetition can help. Returns (headers, body).

    `sink(response)` takes the body of a success as it comes; it is called anew for each attempt.
    Raises ObsError, which names the object and the storage's own reason.
    """
    path = f'obs://{bucket}/{key}'
    renewed = False
    for attempt in range(1, ATTEMPTS + 1):
        who, endpoint = credentials.current(), credentials.endpoint()
        connection = _take(endpoint)
        reusable = False
        try:
            response = _send(connection, endpoint, who, method, bucket, key, query or {}, body, headers or {})
            if response.status < 300:
                data = sink(response) if sink is not None else response.read()
                # A connection whose body was not read to its end cannot be used again.
                reusable = response.isclosed()
                return response.headers, data
            failed = _refusal(action, path, response.status, response.read())
            reusable = True
        except LocalError:
            raise
        except (OSError, http.client.HTTPException) as error:
            if attempt == ATTEMPTS:
                raise ObsError(action, path, 0, 'Unreachable', f'{endpoint.host}:{endpoint.port} does not answer: {error or type(error).__name__}') from error
        else:
            if isinstance(failed, ObsDenied) and not renewed:
                # The platform renews credentials while the job runs; these may just have changed.
                renewed = True
                if failed.code in EXPIRED_CODES:
                    time.sleep(0.2)
                if credentials.current() != who:
                    continue
            if attempt == ATTEMPTS or not (failed.status >= 500 and failed.status != 501 or failed.status == 429 or failed.code in RETRIED_CODES):
                raise failed
        finally:
            if reusable:
                _give_back(endpoint, connection)
            else:
                connection.close()
        time.sleep(min(5.0, 0.1 * 2 ** attempt) * (0.5 + random.random()))


def head(bucket, key):
    """Size, ETag and time of an object as a dict, or None when there is none."""
    try:
        found, _ = request('looking at', 'HEAD', bucket, key)
    except ObsNotFound:
        return None
    return {'size': int(found.get('Content-Length') or 0), 'etag': found.get('ETag', ''), 'modified': found.get('Last-Modified', '')}


def listing(bucket, prefix, delimiter='', limit=0):
    """Yields ('object', key, size) and, with a delimiter, ('prefix', key, 0), page by page."""
    marker, count = '', 0
    while True:
        query = {'prefix': prefix, 'max-keys': min(limit, 1000) if limit else 1000}
        if delimiter:
            query['delimiter'] = delimiter
        if marker:
            query['marker'] = marker
        _, data = request('listing', 'GET', bucket, '', query)
        root = ElementTree.fromstring(data)
        last, truncated, following = '', False, ''
        for element in root:
            name = element.tag.rpartition('}')[2]
            fields = {child.tag.rpartition('}')[2]: child.text or '' for child in element}
            if name == 'Contents':
                last = max(last, fields['Key'])
                yield 'object', fields['Key'], int(fields.get('Size') or 0)
                count += 1
            elif name == 'CommonPrefixes':
                last = max(last, fields['Prefix'])
                yield 'prefix', fields['Prefix'], 0
                count += 1
            elif name == 'IsTruncated':
                truncated = (element.text or '').strip() == 'true'
            elif name == 'NextMarker':
                following = element.text or ''
        marker = following or last
        if not truncated or not marker or (limit and count >= limit):
            return


def put(bucket, key, data):
    request('writing', 'PUT', bucket, key, body=data)


def delete(bucket, key):
    request('removing', 'DELETE', bucket, key)


def get(bucket, key):
    return request('reading', 'GET', bucket, key)[1]


def _write_local(descriptor, data, offset):
    try:
        view = memoryview(data)
        while view:
            count = os.pwrite(descriptor, view, offset)
            view, offset = view[count:], offset + count
    except OSError as error:
        raise LocalError(error.errno, f'writing the local copy failed: {error.strerror}') from error


def download(bucket, key, target):
    """Copies an object to a local file, which appears complete or not at all. Large ones come in parallel ranges."""
    partial = f'{target}.{os.getpid()}-{threading.get_ident()}.part'
    descriptor = os.open(partial, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o666)
    try:
        _fetch(bucket, key, descriptor)
        os.close(descriptor)
        descriptor = -1
        os.replace(partial, target)
    finally:
        if descriptor >= 0:
            os.close(descriptor)
        if os.path.exists(partial):
            os.unlink(partial)


def _fetch(bucket, key, descriptor):
    state = {}

    def into_file(start):
        def sink(response):
            offset = start
            state.setdefault('etag', response.headers.get('ETag'))
            total = response.headers.get('Content-Range', '').rpartition('/')[2]
            state.setdefault('size', int(total) if total.isdigit() else int(response.headers.get('Content-Length') or 0))
            while True:
                data = response.read(1048576)
                if not data:
                    break
                _write_local(descriptor, data, offset)
                offset += len(data)
            return offset - start
        return sink

    def fetch_range(start):
        headers = {'Range': f'bytes={start}-{min(start + PART, state["size"]) - 1}'}
        if state.get('etag'):
            headers['If-Match'] = state['etag']
        found, got = request('reading', 'GET', bucket, key, headers=headers, sink=into_file(start))
        if not found.get('Content-Range') or got != min(PART, state['size'] - start):
            raise ObsError('reading', f'obs://{bucket}/{key}', 206, 'Incomplete', f'a range of {got} bytes came that was not the one asked for')

    info = head(bucket, key)
    if info is None:
        raise ObsNotFound('reading', f'obs://{bucket}/{key}', 404, 'NoSuchKey', 'the object does not exist')
    if info['size'] <= 2 * PART:
        _, got = request('reading', 'GET', bucket, key, sink=into_file(0))
        if got != state['size']:
            raise ObsError('reading', f'obs://{bucket}/{key}', 200, 'Incomplete', f'{got} of {state["size"]} bytes came')
        return
    state.update(size=info['size'], etag=info['etag'])
    with concurrent.futures.ThreadPoolExecutor(PARTS_AT_ONCE) as pool:
        _all(pool, [pool.submit(fetch_range, start) for start in range(0, info['size'], PART)])


def _all(pool, futures):
    """Results in order; the first failure cancels what has not begun."""
    try:
        return [future.result() for future in futures]
    except BaseException:
        pool.shutdown(wait=True, cancel_futures=True)
        raise


def upload(source, bucket, key):
    """Copies a local file to an object; a large one in parallel parts that become the object all at once."""
    size = os.path.getsize(source)
    if size <= 2 * PART:
        with open(source, 'rb') as f:
            put(bucket, key, f.read())
        return
    part = max(PART, -(-size // MAX_PARTS))
    _, data = request('writing', 'POST', bucket, key, {'uploads': ''})
    upload_id = next(e.text for e in ElementTree.fromstring(data).iter() if e.tag.rpartition('}')[2] == 'UploadId')

    def send(number):
        with open(source, 'rb') as f:
            f.seek((number - 1) * part)
            found, _ = request('writing', 'PUT', bucket, key, {'partNumber': number, 'uploadId': upload_id}, f.read(part))
        return found.get('ETag', '')

    try:
        with concurrent.futures.ThreadPoolExecutor(PARTS_AT_ONCE) as pool:
            tags = _all(pool, [pool.submit(send, number) for number in range(1, -(-size // part) + 1)])
        listed = ''.join(f'<Part><PartNumber>{n}</PartNumber><ETag>{tag}</ETag></Part>' for n, tag in enumerate(tags, 1))
        _, data = request('writing', 'POST', bucket, key, {'uploadId': upload_id},
                          f'<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>'.encode())
        # The storage may find out only after it has begun to answer 200.
        if b'<Error>' in data[:1000]:
            raise _refusal('writing', f'obs://{bucket}/{key}', 500, data)
    except BaseException:
        try:
            request('abandoning the upload of', 'DELETE', bucket, key, {'uploadId': upload_id})
        except OSError:
            pass  # the failure that led here is the one to tell
        raise
