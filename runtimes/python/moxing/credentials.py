"""Where the object storage is and who we are there.

MA_CREDENTIALS_FILE names a JSON file {access, secret, securitytoken, expires_at} that the platform renews; it is read again
whenever it changes and comes before the variables. S3_ENDPOINT is `http://host:port`, or `host:port` with S3_USE_HTTPS.
"""

import collections
import json
import os
import threading
import urllib.parse

Credentials = collections.namedtuple('Credentials', 'access secret token')
Endpoint = collections.namedtuple('Endpoint', 'https host port')

_lock = threading.Lock()
_cached = (None, None)
_given = {}


def set_auth(ak=None, sk=None, server=None, port=None, is_secure=None, ssl_verify=None, security_token=None, **_):
    """Uses this identity and endpoint instead of the job's own."""
    if ak and sk:
        _given['credentials'] = Credentials(ak, sk, security_token)
    if server:
        secure = is_secure if is_secure is not None else True
        name = server if '://' in server else ('https://' if secure else 'http://') + server
        _given['endpoint'] = name if port is None else f'{name}:{port}'
    if ssl_verify is not None:
        _given['verify'] = bool(ssl_verify)


def _first(*names):
    for name in names:
        value = os.environ.get(name)
        if value:
            return value
    return None


def _from_file(path):
    global _cached
    try:
        stat = os.stat(path)
        mark = (path, stat.st_mtime_ns, stat.st_ino, stat.st_size)
        with _lock:
            if _cached[0] == mark:
                return _cached[1]
        with open(path, encoding='utf-8') as f:
            given = json.load(f)
        found = Credentials(given['access'], given['secret'], given.get('securitytoken') or None)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PermissionError(f'the credentials in {path} (MA_CREDENTIALS_FILE) cannot be read: {error}') from error
    with _lock:
        _cached = (mark, found)
    return found


def current():
    """The credentials to sign the next request with. Raises PermissionError that says what is missing."""
    if 'credentials' in _given:
        return _given['credentials']
    path = os.environ.get('MA_CREDENTIALS_FILE')
    if path:
        return _from_file(path)
    access = _first('S3_ACCESS_KEY_ID', 'AWS_ACCESS_KEY_ID', 'ACCESS_KEY', 'ACCESS_KEY_ID')
    secret = _first('S3_SECRET_ACCESS_KEY', 'AWS_SECRET_ACCESS_KEY', 'SECRET_ACCESS_KEY', 'SECRET_KEY')
    if not access or not secret:
        raise PermissionError('no credentials for the object storage: set MA_CREDENTIALS_FILE, or S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY')
    return Credentials(access, secret, _first('S3_SECURITY_TOKEN', 'SECURITY_TOKEN', 'AWS_SESSION_TOKEN'))


def _yes(name, default):
    return os.environ.get(name, default).strip().lower() in ('1', 'true', 'yes', 'on')


def endpoint():
    """Host, port and protocol of the object storage. Raises OSError when S3_ENDPOINT is not set or not usable."""
    text = _given.get('endpoint') or os.environ.get('S3_ENDPOINT') or os.environ.get('AWS_ENDPOINT_URL')
    if not text:
        raise OSError('no object storage: the variable S3_ENDPOINT is not set (http://host:port)')
    if '://' not in text:
        text = ('https://' if _yes('S3_USE_HTTPS', '1') else 'http://') + text
    parts = urllib.parse.urlsplit(text)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ('http', 'https') or not parts.hostname or port == -1:
        raise OSError(f'S3_ENDPOINT is "{text}"; it must look like http://host:port')
    https = parts.scheme == 'https'
    return Endpoint(https, parts.hostname, port or (443 if https else 80))


def verify_certificate():
    """Whether the endpoint's certificate is checked (S3_VERIFY_SSL, default no: private endpoints sign their own)."""
    return _given.get('verify', _yes('S3_VERIFY_SSL', '0'))


def region():
    """The region named in signatures."""
    return _first('S3_REGION', 'MA_REGION', 'AWS_REGION') or 'local-1'
