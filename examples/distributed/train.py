"""Handwritten digits on several nodes: DistributedDataParallel over gloo, one process per node.

Works on one node as well. The rendezvous comes from the variables every training job has.
"""

import argparse
import gzip
import os
import time

import numpy as np
import torch
import torch.distributed as dist
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--data_url", required=True, help="directory of the four MNIST files")
parser.add_argument("--train_url", required=True, help="directory of the model")
parser.add_argument("--epochs", type=int, default=1)
parser.add_argument("--batch-size", type=int, default=64, help="per node")
# The platform passes --init_method, --rank and --world_size too; the variables say the same.
args, _ = parser.parse_known_args()

rank = int(os.environ["VC_TASK_INDEX"])
nodes = int(os.environ["MA_NUM_HOSTS"])
first = os.environ["VC_WORKER_HOSTS"].split(",")[0]


def read(name):
    """One file of the MNIST database as an array: images of 28 x 28, or labels."""
    with gzip.open(os.path.join(args.data_url, name)) as file:
        data = file.read()
    dimensions = data[3]
    shape = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(dimensions)]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def dataset(part):
    images = torch.from_numpy(read(part + "-images-idx3-ubyte.gz").astype(np.float32))
    labels = torch.from_numpy(read(part + "-labels-idx1-ubyte.gz").astype(np.int64))
    return TensorDataset(((images / 255 - 0.1307) / 0.3081).unsqueeze(1), labels)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3)
        self.conv2 = nn.Conv2d(16, 32, 3)
        self.out = nn.Linear(800, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.out(torch.flatten(x, 1))


dist.init_process_group("gloo", init_method=f"tcp://{first}:23456", rank=rank, world_size=nodes)
torch.manual_seed(1)
model = DistributedDataParallel(Net())
checkpoint = os.path.join(args.train_url, "checkpoint.pt")
done = 0
if os.path.exists(checkpoint):  # brought back where the output is predownloaded
    saved = torch.load(checkpoint)
    model.module.load_state_dict(saved["model"])
    done = saved["epoch"]
    print(f"resumed after epoch {done}")

train, test = dataset("train"), dataset("t10k")
sampler = DistributedSampler(train, nodes, rank)
loader = DataLoader(train, args.batch_size, sampler=sampler)
optimizer = torch.optim.Adam(model.parameters(), 2e-3)

for epoch in range(done + 1, args.epochs + 1):
    start = time.time()
    sampler.set_epoch(epoch)
    model.train()
    for images, labels in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()  # averages the gradients over all nodes
        optimizer.step()
    model.eval()
    # Each node tests its share; the sums of all are the same everywhere.
    mine = range(rank, len(test), nodes)
    with torch.no_grad():
        images, labels = test[list(mine)]
        right = (model.module(images).argmax(1) == labels).sum()
    dist.all_reduce(right)
    print(f"epoch {epoch}: Accuracy: {right.item()} / {len(test)}, {time.time() - start:.1f} s, rank {rank} of {nodes}")
    if rank == 0:
        torch.save({"model": model.module.state_dict(), "epoch": epoch}, checkpoint + ".new")
        os.replace(checkpoint + ".new", checkpoint)

weights = torch.cat([p.detach().flatten() for p in model.parameters()])
lowest, highest = weights.clone(), weights.clone()
dist.all_reduce(lowest, dist.ReduceOp.MIN)
dist.all_reduce(highest, dist.ReduceOp.MAX)
print(f"the nodes' models differ by {(highest - lowest).abs().max().item()}")
dist.destroy_process_group()
