"""Trains a small convolutional network on handwritten digits and leaves a model package that can be deployed.

    train.py --data_url DIR --train_url DIR [--epochs N …]

data_url   directory of the four MNIST files ({train,t10k}-{images-idx3,labels-idx1}-ubyte.gz)
train_url  directory of the result: model/{mnist_cnn.pt, customize_service.py, config.json}

On the platform both are local directories; it fills the one before the start and keeps what is in the other afterwards.
"""

import argparse
import gzip
import os
import shutil
import struct
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
MEAN, DEVIATION = 0.1307, 0.3081


class Net(nn.Module):
    """Two convolutions, two dense layers. infer/customize_service.py holds the same network: its weights must fit both."""

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


def read_idx(path):
    """The bytes of a gzipped IDX file as a tensor of its shape. Ends the program with a clear line when it is not one."""
    try:
        with gzip.open(path, 'rb') as f:
            content = f.read()
    except (OSError, EOFError) as error:
        sys.exit(f'train.py: {path} cannot be read: {error}. data_url must hold the four MNIST files.')
    kind, dimensions = content[2:3], content[3] if len(content) > 3 else 0
    head = 4 + 4 * dimensions
    if content[:2] != b'\0\0' or kind != b'\x08' or not 1 <= dimensions <= 3 or len(content) < head:
        sys.exit(f'train.py: {path} is not an IDX file of bytes.')
    shape = struct.unpack(f'>{dimensions}I', content[4:head])
    data = torch.frombuffer(bytearray(content[head:]), dtype=torch.uint8)
    if data.numel() != torch.Size(shape).numel():
        sys.exit(f'train.py: {path} is cut off: {data.numel()} of {torch.Size(shape).numel()} bytes.')
    return data.view(*shape)


def load(directory, part):
    """Images (N×1×28×28, normalised) and labels of `train` or `t10k`."""
    images = read_idx(os.path.join(directory, f'{part}-images-idx3-ubyte.gz'))
    labels = read_idx(os.path.join(directory, f'{part}-labels-idx1-ubyte.gz'))
    if len(images) != len(labels):
        sys.exit(f'train.py: {part} has {len(images)} images but {len(labels)} labels.')
    return (images.unsqueeze(1).float() / 255 - MEAN) / DEVIATION, labels.long()


def shift(batch, distance):
    """The batch, moved by up to `distance` pixels: digits are not always in the middle."""
    if distance == 0:
        return batch
    dy, dx = (int(v) for v in torch.randint(-distance, distance + 1, (2,)))
    return torch.roll(batch, (dy, dx), (2, 3))


def train(model, images, labels, optimizer, args, epoch):
    model.train()
    order = torch.randperm(len(images))
    for number, start in enumerate(range(0, len(order), args.batch_size)):
        chosen = order[start:start + args.batch_size]
        optimizer.zero_grad()
        loss = F.nll_loss(model(shift(images[chosen], args.shift)), labels[chosen])
        loss.backward()
        optimizer.step()
        if number % args.log_interval == 0:
            print(f'Train Epoch: {epoch} [{start}/{len(order)} ({100 * start / len(order):.0f}%)] Loss: {loss.item():.6f}', flush=True)
            if args.dry_run:
                break


@torch.no_grad()
def test(model, images, labels, batch_size):
    """Prints and returns the share of test images that are recognised."""
    model.eval()
    right, loss = 0, 0.0
    for start in range(0, len(images), batch_size):
        output = model(images[start:start + batch_size])
        wanted = labels[start:start + batch_size]
        loss += F.nll_loss(output, wanted, reduction='sum').item()
        right += int((output.argmax(dim=1) == wanted).sum())
    accuracy = right / len(images)
    print(f'Test set: Average loss: {loss / len(images):.4f}, Accuracy: {right}/{len(images)} ({100 * accuracy:.2f}%)', flush=True)
    return accuracy


def save_package(model, directory):
    """Writes the weights and, beside them, what an inference service needs to run them."""
    target = os.path.join(directory, 'model')
    os.makedirs(target, exist_ok=True)
    torch.save(model.to('cpu').state_dict(), os.path.join(target, 'mnist_cnn.pt'))
    for name in ('customize_service.py', 'config.json'):
        shutil.copyfile(os.path.join(HERE, 'infer', name), os.path.join(target, name))
    print(f'Model package written to {target}', flush=True)


def arguments():
    parser = argparse.ArgumentParser(description='Trains a network on handwritten digits.')
    parser.add_argument('--data_url', required=True, help='directory of the four MNIST files')
    parser.add_argument('--train_url', required=True, help='directory of the result')
    parser.add_argument('--epochs', type=int, default=4)
    parser.add_argument('--batch-size', type=int, default=16)
    parser.add_argument('--test-batch-size', type=int, default=1000)
    parser.add_argument('--lr', type=float, default=1.0, help='learning rate')
    parser.add_argument('--gamma', type=float, default=0.7, help='factor of the learning rate after each epoch')
    parser.add_argument('--shift', type=int, default=1, help='pixels by which training images are moved at random')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--log-interval', type=int, default=20, help='batches between two lines of the log')
    parser.add_argument('--no-cuda', action='store_true', help='stay on the CPU')
    parser.add_argument('--dry-run', action='store_true', help='one batch an epoch, to see that all works')
    # The platform may pass more than a script knows.
    args, unknown = parser.parse_known_args()
    if unknown:
        print(f'Arguments not used: {" ".join(unknown)}', flush=True)
    for name in ('customize_service.py', 'config.json'):
        if not os.path.isfile(os.path.join(HERE, 'infer', name)):
            sys.exit(f'train.py: infer/{name} is missing beside train.py; upload the folder infer with it.')
    return args


def main():
    args = arguments()
    began = time.time()
    torch.manual_seed(args.seed)
    device = torch.device('cuda' if torch.cuda.is_available() and not args.no_cuda else 'cpu')
    images, labels = (part.to(device) for part in load(args.data_url, 'train'))
    test_images, test_labels = (part.to(device) for part in load(args.data_url, 't10k'))
    print(f'{len(images)} images to train with, {len(test_images)} to test with, on {device}', flush=True)
    model = Net().to(device)
    optimizer = torch.optim.Adadelta(model.parameters(), lr=args.lr)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=args.gamma)
    for epoch in range(1, args.epochs + 1):
        train(model, images, labels, optimizer, args, epoch)
        test(model, test_images, test_labels, args.test_batch_size)
        scheduler.step()
    save_package(model, args.train_url)
    print(f'Done in {time.time() - began:.1f} s', flush=True)


if __name__ == '__main__':
    main()
