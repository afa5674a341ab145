"""PyTorch: `model_path` is the path of the .pt or .pth file; the subclass loads it and keeps it as `self.model`."""

from model_service.model_service import SingleNodeService


class PTServingBaseService(SingleNodeService):
    def __init__(self, model_name, model_path):
        super().__init__(model_name, model_path)
        self.model = None

    def _inference(self, data):
        if self.model is None:
            raise NotImplementedError(f'{type(self).__name__} must load self.model in __init__ or define _inference')
        if isinstance(data, dict):
            return {key: self.model(value) for key, value in data.items()}
        return self.model(data)
