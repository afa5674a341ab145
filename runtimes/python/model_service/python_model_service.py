"""XGBoost and scikit-learn: the constructor takes `model_path`, the path of the model file, alone."""

from model_service.model_service import SingleNodeService


class XgSklServingBaseService(SingleNodeService):
    def __init__(self, model_path):
        super().__init__('', model_path)
        self.model = None

    def _inference(self, data):
        if self.model is None:
            raise NotImplementedError(f'{type(self).__name__} must load self.model in __init__ or define _inference')
        return self.model.predict(data)
