"""An object storage in memory that checks the signature of every request (AWS Signature Version 4, path-style)."""

import hashlib
import hmac
import http.server
import threading
import urllib.parse


class FakeS3:
    """`keys` maps access keys to (secret, token). `faults` are statuses that the next requests get instead of an answer."""

    def __init__(self):
        self.keys = {'AK': ('SK', None)}
        self.buckets = {'b': {}}
        self.uploads = {}
        self.faults = []
        self.requests = []
        self.lock = threading.Lock()
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do(self):
                body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
                status, answer, headers = fake.answer(self.command, self.path, self.headers, body)
                if status == 0:  # a storage that hangs up
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if 'Content-Length' not in headers:
                    self.send_header('Content-Length', str(len(answer)))
                self.end_headers()
                if self.command != 'HEAD':
                    self.wfile.write(answer)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.endpoint = f'http://127.0.0.1:{self.server.server_address[1]}'

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def refusal(self, method, path, headers, body):
        """Why the signature is not good, as (status, code), or None."""
        given = headers.get('Authorization', '')
        if not given.startswith('AWS4-HMAC-SHA256 '):
            return 403, 'AccessDenied'
        fields = dict(part.strip().split('=', 1) for part in given[17:].split(','))
        access, day, region, service, end = fields['Credential'].split('/')
        if access not in self.keys:
            return 403, 'InvalidAccessKeyId'
        secret, token = self.keys[access]
        if token is not None and headers.get('x-amz-security-token') != token:
            return 403, 'ExpiredToken'
        digest = hashlib.sha256(body).hexdigest()
        if headers.get('x-amz-content-sha256') != digest:
            return 400, 'XAmzContentSHA256Mismatch'
        names = fields['SignedHeaders'].split(';')
        required = {'host', *(n.lower() for n in headers if n.lower().startswith('x-amz-'))}
        if not required <= set(names) or names != sorted(names) or headers['x-amz-date'][:8] != day:
            return 403, 'SignatureDoesNotMatch'
        raw, _, query = path.partition('?')
        pairs = sorted(p if '=' in p else p + '=' for p in query.split('&') if p)
        text = '\n'.join([method, raw, '&'.join(pairs), *(f'{n}:{headers[n].strip()}' for n in names), '', ';'.join(names), digest])
        key = ('AWS4' + secret).encode()
        for part in (day, region, service, end):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        scope = f'{day}/{region}/{service}/{end}'
        to_sign = f'AWS4-HMAC-SHA256\n{headers["x-amz-date"]}\n{scope}\n{hashlib.sha256(text.encode()).hexdigest()}'
        if hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest() != fields['Signature']:
            return 403, 'SignatureDoesNotMatch'
        return None

    @staticmethod
    def error(status, code, message):
        body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
        return status, body.encode(), {'Content-Type': 'application/xml'}

    def answer(self, method, path, headers, body):
        with self.lock:
            self.requests.append((method, path))
            if self.faults:
                status = self.faults.pop(0)
                return (0, b'', {}) if status == 0 else self.error(status, 'SlowDown', 'please wait')
            refused = self.refusal(method, path, headers, body)
            if refused:
                return self.error(*refused, 'the request is not signed as it should be')
            raw, _, text = path.partition('?')
            bucket, _, key = urllib.parse.unquote(raw).lstrip('/').partition('/')
            query = dict(urllib.parse.parse_qsl(text, keep_blank_values=True))
            objects = self.buckets.get(bucket)
            if objects is None:
                return self.error(404, 'NoSuchBucket', 'the bucket does not exist')
            if not key:
                return self.listing(objects, query)
            return self.object(objects, key, query, method, headers, body)

    @staticmethod
    def listing(objects, query):
        prefix, delimiter, marker = query.get('prefix', ''), query.get('delimiter', ''), query.get('marker', '')
        entries = {}
        for key in sorted(objects):
            if not key.startswith(prefix):
                continue
            rest = key[len(prefix):]
            name = prefix + rest.split(delimiter)[0] + delimiter if delimiter and delimiter in rest else key
            if name > marker:
                entries.setdefault(name, key == name and not (delimiter and name.endswith(delimiter) and name != prefix))
        limit = int(query.get('max-keys', 1000))
        limit = min(limit, 3)  # small pages, so that the client has to turn them
        names = list(entries)[:limit]
        xml = ''.join(f'<Contents><Key>{n}</Key><Size>{len(objects[n])}</Size></Contents>' if entries[n]
                      else f'<CommonPrefixes><Prefix>{n}</Prefix></CommonPrefixes>' for n in names)
        more = len(entries) > len(names)
        xml += f'<IsTruncated>{str(more).lower()}</IsTruncated>' + (f'<NextMarker>{names[-1]}</NextMarker>' if more and delimiter else '')
        return 200, f'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{xml}</ListBucketResult>'.encode(), {}

    def object(self, objects, key, query, method, headers, body):
        if method == 'POST' and 'uploads' in query:
            self.uploads['u1'] = {}
            return 200, b'<R><UploadId>u1</UploadId></R>', {}
        if method == 'POST':
            parts = self.uploads.pop(query['uploadId'])
            assert body.decode().count('<Part>') == len(parts)
            objects[key] = b''.join(parts[n] for n in sorted(parts))
            return 200, b'<R/>', {}
        if method == 'PUT' and 'partNumber' in query:
            self.uploads[query['uploadId']][int(query['partNumber'])] = body
            return 200, b'', {'ETag': '"p"'}
        if method == 'DELETE' and 'uploadId' in query:
            self.uploads.pop(query['uploadId'], None)
            return 204, b'', {}
        if method == 'PUT':
            objects[key] = body
            return 200, b'', {'ETag': '"e"'}
        if method == 'DELETE':
            objects.pop(key, None)
            return 204, b'', {}
        if key.startswith('secret/'):
            return self.error(403, 'AccessDenied', 'agency x is not allowed obs:object:GetObject')
        if key not in objects:
            return self.error(404, 'NoSuchKey', 'the object does not exist')
        data, status, more = objects[key], 200, {'ETag': '"e"', 'Last-Modified': 'Mon, 24 Nov 2025 02:00:00 GMT'}
        if headers.get('Range'):
            first, last = (int(n) for n in headers['Range'][6:].split('-'))
            status, more['Content-Range'] = 206, f'bytes {first}-{min(last, len(data) - 1)}/{len(data)}'
            data = data[first:last + 1]
        if method == 'HEAD':
            more['Content-Length'] = str(len(data))
        return status, data, more
