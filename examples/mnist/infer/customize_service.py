"""Inference with the network that train.py trains: images of digits in, digits out.

A request is multipart/form-data with one or several images; the answer has one entry for each form key, `[{"image": 2}]`.
"""

import log
import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

from model_service.pytorch_model_service import PTServingBaseService

logger = log.getLogger(__name__)
SIDE, MEAN, DEVIATION = 28, 0.1307, 0.3081


class Net(nn.Module):
    """The network of train.py."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, 1)
        self.conv2 = nn.Conv2d(32, 64, 3, 1)
        self.dropout1 = nn.Dropout(0.25)
        self.dropout2 = nn.Dropout(0.5)
        self.fc1 = nn.Linear(9216, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        x = self.dropout1(F.max_pool2d(x, 2))
        x = self.dropout2(F.relu(self.fc1(torch.flatten(x, 1))))
        return F.log_softmax(self.fc2(x), dim=1)


def to_tensor(file):
    """An image of any size as 1×28×28, normalised as in training. White strokes on black are expected."""
    with Image.open(file) as image:
        grey = image.convert('L')
    if grey.size != (SIDE, SIDE):
        scale = SIDE / min(grey.size)
        grey = grey.resize(tuple(max(SIDE, round(edge * scale)) for edge in grey.size), Image.BILINEAR)
        left, top = (grey.width - SIDE) // 2, (grey.height - SIDE) // 2
        grey = grey.crop((left, top, left + SIDE, top + SIDE))
    pixels = torch.from_numpy(np.array(grey, dtype=np.float32))
    return ((pixels / 255 - MEAN) / DEVIATION).unsqueeze(0)


class DigitService(PTServingBaseService):
    def __init__(self, model_name, model_path):
        super().__init__(model_name, model_path)
        self.device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
        self.model = Net().to(self.device)
        self.model.load_state_dict(torch.load(model_path, map_location=self.device))
        self.model.eval()
        logger.info('model %s loaded on %s', model_path, self.device)

    def _preprocess(self, data):
        return {key: torch.stack([to_tensor(file) for file in files.values()]).to(self.device) for key, files in data.items()}

    def _inference(self, data):
        with torch.no_grad():
            return {key: self.model(batch) for key, batch in data.items()}

    def _postprocess(self, data):
        digits = {key: output.argmax(dim=1).tolist() for key, output in data.items()}
        return [{key: found[0] if len(found) == 1 else found} for key, found in digits.items()]
