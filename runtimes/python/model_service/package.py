"""Finds and loads a model package: customize_service.py, its one service class, and the model file."""

import importlib.util
import inspect
import json
import os
import sys
import types

from model_service.model_service import SingleNodeService
from model_service.python_model_service import XgSklServingBaseService
from model_service.pytorch_model_service import PTServingBaseService
from model_service.tfserving_model_service import TfServingBaseService

SERVICE_FILE = 'customize_service.py'
# Exit codes of the server when the package does not load.
EXIT_PACKAGE, EXIT_IMPORT, EXIT_CLASS, EXIT_CONSTRUCTOR = 10, 11, 12, 13


class PackageError(Exception):
    """The package cannot be served: a line for the user, the server's exit code, and the user's exception, if any."""

    def __init__(self, exit_code, message, cause=None):
        super().__init__(message)
        self.exit_code = exit_code
        self.cause = cause


def _files(directory, suffixes):
    try:
        names = sorted(os.listdir(directory))
    except OSError as error:
        raise PackageError(EXIT_PACKAGE, f'the model directory {directory} cannot be read: {error.strerror}.') from error
    return [n for n in names if n.lower().endswith(suffixes) and not n.startswith('.') and os.path.isfile(os.path.join(directory, n))]


def _only_file(directory, suffixes, engine):
    found = _files(directory, suffixes)
    listed = ' or '.join('*' + suffix for suffix in suffixes)
    if not found:
        raise PackageError(EXIT_PACKAGE, f'no model file ({listed}) in {directory}; {engine} needs exactly one.')
    if len(found) > 1:
        raise PackageError(EXIT_PACKAGE, f'{len(found)} model files in {directory} ({", ".join(found[:5])}); {engine} needs exactly one.')
    return os.path.join(directory, found[0])


def model_path(directory, service_class):
    """What the constructor gets as `model_path` (behaviour/inference.md 2)."""
    if issubclass(service_class, PTServingBaseService):
        return _only_file(directory, ('.pt', '.pth'), 'PyTorch')
    if issubclass(service_class, XgSklServingBaseService):
        return _only_file(directory, ('.m', '.pkl', '.pickle', '.joblib', '.model', '.bst', '.ubj'), 'XGBoost or scikit-learn')
    if issubclass(service_class, TfServingBaseService):
        if not os.path.isfile(os.path.join(directory, 'saved_model.pb')):
            raise PackageError(EXIT_PACKAGE, f'no saved_model.pb in {directory}.')
        return directory
    checkpoints = _files(directory, ('.ckpt', '.mindir'))
    return os.path.join(directory, checkpoints[0]) if len(checkpoints) == 1 else directory


def import_service(directory):
    """Imports customize_service.py; its neighbours can be imported both by name and relatively."""
    path = os.path.join(directory, SERVICE_FILE)
    if not os.path.isfile(path):
        _files(directory, ('',))
        raise PackageError(EXIT_PACKAGE, f'{SERVICE_FILE} is missing in the model directory {directory}.')
    package = types.ModuleType('model_package')
    package.__path__ = [directory]
    sys.modules['model_package'] = package
    if directory not in sys.path:
        sys.path.insert(0, directory)
    spec = importlib.util.spec_from_file_location('model_package.customize_service', path)
    module = importlib.util.module_from_spec(spec)
    # Pickled models name their classes by the plain module name.
    sys.modules[spec.name] = sys.modules['customize_service'] = module
    try:
        spec.loader.exec_module(module)
    except ModuleNotFoundError as error:
        raise PackageError(EXIT_IMPORT, f'{SERVICE_FILE} needs the module "{error.name}", which this image does not hold; '
                           'name its package under "dependencies" in config.json.', error) from error
    except SyntaxError as error:
        raise PackageError(EXIT_IMPORT, f'{os.path.basename(error.filename or SERVICE_FILE)} line {error.lineno} is not valid Python: {error.msg}.', error) from error
    except BaseException as error:
        raise PackageError(EXIT_IMPORT, f'importing {SERVICE_FILE} failed: {type(error).__name__}: {error}', error) from error
    return module


def service_class(module):
    """The one subclass of SingleNodeService that the module defines and does not itself derive from."""
    own = [c for c in vars(module).values() if inspect.isclass(c) and issubclass(c, SingleNodeService) and c.__module__ == module.__name__]
    own = list(dict.fromkeys(own))
    last = [c for c in own if not any(other is not c and issubclass(other, c) for other in own)]
    if not last:
        raise PackageError(EXIT_CLASS, f'{SERVICE_FILE} defines no service class; derive one from '
                           'model_service.pytorch_model_service.PTServingBaseService (or the base class of your engine).')
    if len(last) > 1:
        names = ', '.join(c.__name__ for c in last)
        raise PackageError(EXIT_CLASS, f'{SERVICE_FILE} defines {len(last)} service classes ({names}); exactly one is needed.')
    return last[0]


def construct(cls, name, path):
    """Calls the constructor once. `(model_name, model_path)`, or `(model_path)` where it takes no more."""
    arguments = (path,) if issubclass(cls, XgSklServingBaseService) else (name, path)
    try:
        inspect.signature(cls).bind(*arguments)
    except TypeError:
        arguments = (name, path) if len(arguments) == 1 else (path,)
    except ValueError:
        pass
    try:
        return cls(*arguments)
    except BaseException as error:
        raise PackageError(EXIT_CONSTRUCTOR, f'{cls.__name__}.__init__ failed: {type(error).__name__}: {error}', error) from error


def declared_methods(directory):
    """HTTP methods that config.json declares for "/"; POST where it says nothing."""
    try:
        with open(os.path.join(directory, 'config.json'), encoding='utf-8') as f:
            apis = json.load(f).get('apis') or []
    except (OSError, ValueError, AttributeError):
        return {'POST'}
    methods = {'POST'}
    for api in apis if isinstance(apis, list) else []:
        if isinstance(api, dict) and api.get('url', '/') in ('/', '') and str(api.get('method', '')).upper() == 'GET':
            methods.add('GET')
    return methods


def load(directory, name):
    """The ready service object of the package in `directory`. Raises PackageError."""
    directory = os.path.abspath(directory)
    cls = service_class(import_service(directory))
    path = model_path(directory, cls)
    return construct(cls, name, path), cls.__name__, path
