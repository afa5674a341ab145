"""The base of every inference service."""


class SingleNodeService:
    """A model in one process. Subclasses load the model in `__init__` and override the three steps.

    `_preprocess(data)` turns the request into the model's input. `data` is the decoded JSON body, or, for
    multipart/form-data, `{form key: {file name: file object}}` with text fields as `{form key: text}`.
    `_inference(data)` runs the model. `_postprocess(data)` returns what JSON can express.
    """

    def __init__(self, model_name='', model_path=''):
        self.model_name = model_name
        self.model_path = model_path

    def inference(self, data):
        """Request to answer; the three steps in order."""
        return self._postprocess(self._inference(self._preprocess(data)))

    def _preprocess(self, data):
        return data

    def _inference(self, data):
        raise NotImplementedError(f'{type(self).__name__} must define _inference(self, data)')

    def _postprocess(self, data):
        return data
