"""Whose fault an exception of the user's code is: the request's, which is told to the caller, or the code's, which is not."""

import os

from model_service.answers import RequestError
from model_service.package import SERVICE_FILE

EXPECTED = 'Send what the service expects, for an image usually multipart/form-data with the image as a file.'


def _where(error):
    """Whether the exception passed through `_preprocess`, and the file of its innermost frame."""
    inside, file, trace = False, '', error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        inside = inside or code.co_name == '_preprocess'
        file = code.co_filename
        trace = trace.tb_next
    return inside, file


def _holds(data, thing, depth=4):
    """Whether `thing` is this very data or part of it."""
    if data is thing:
        return True
    if depth and isinstance(data, dict):
        return any(_holds(item, thing, depth - 1) for item in data.values())
    if depth and isinstance(data, (list, tuple)):
        return any(_holds(item, thing, depth - 1) for item in data[:100])
    return False


def _has_key(data, key, depth=4):
    if isinstance(data, dict):
        return key in data or (depth > 0 and any(_has_key(item, key, depth - 1) for item in data.values()))
    if isinstance(data, (list, tuple)) and depth:
        return any(_has_key(item, key, depth - 1) for item in data[:100])
    return False


def _fields(data):
    if isinstance(data, dict) and data:
        return ' It has ' + ', '.join(f'"{str(key)[:40]}"' for key in list(data)[:10]) + '.'
    return ''


def _kind(value):
    names = {bool: 'true or false', int: 'a number', float: 'a number', str: 'a text', list: 'a list', dict: 'an object', type(None): 'null'}
    return names.get(type(value), f'a value of type {type(value).__name__}')


def _not_an_object(data):
    return RequestError(400, 'MR.0102', f'the request body is {_kind(data)}, which this service cannot use. {EXPECTED}')


def blame_request(error, data):
    """A RequestError 400 when the exception says that the request was unfit, else None."""
    if type(error).__name__ in ('UnidentifiedImageError', 'DecompressionBombError') and type(error).__module__.startswith('PIL'):
        return RequestError(400, 'MR.0102', 'a file of the request is not an image that can be read: send a complete PNG, JPEG, BMP, GIF or WebP file.')
    inside, file = _where(error)
    if not inside:
        return None
    if isinstance(error, AttributeError) and _holds(data, error.obj):
        if error.obj is data:
            return _not_an_object(data)
        what = 'a text field where a file' if isinstance(error.obj, str) else f'{_kind(error.obj)} where something else'
        return RequestError(400, 'MR.0102', f'the request has {what} was expected. {EXPECTED}')
    if isinstance(error, KeyError) and len(error.args) == 1 and os.path.basename(file) == SERVICE_FILE:
        try:
            missing = not _has_key(data, error.args[0])
        except TypeError:
            missing = False
        if missing:
            return RequestError(400, 'MR.0102', f'the request lacks the field {str(error)[:80]}.{_fields(data)}')
    if isinstance(error, (TypeError, AttributeError)) and not isinstance(data, dict):
        return _not_an_object(data)
    if isinstance(error, OSError) and file and f'{os.sep}PIL{os.sep}' in file:
        return RequestError(400, 'MR.0102', f'an image of the request is damaged: {str(error)[:100]}.')
    return None
