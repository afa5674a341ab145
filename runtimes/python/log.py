"""`import log; logger = log.getLogger(__name__)`: the logging module of inference code, INFO and above to stdout."""

from model_service.log import getLogger, get_logger  # noqa: F401
