"""TensorFlow: `model_path` is the directory that holds saved_model.pb."""

from model_service.model_service import SingleNodeService


class TfServingBaseService(SingleNodeService):
    def __init__(self, model_name, model_path):
        super().__init__(model_name, model_path)
        self._signature = None

    def _inference(self, data):
        if self._signature is None:
            try:
                import tensorflow
            except ImportError as error:
                raise RuntimeError('this image holds no TensorFlow: choose an image that does, or define _inference') from error
            self._loaded = tensorflow.saved_model.load(self.model_path)
            self._signature = self._loaded.signatures['serving_default']
        return {name: value.numpy() for name, value in self._signature(**data).items()}
