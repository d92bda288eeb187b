"""One epoch of the same MLP and CNN as `slipway-trainer bench`, in PyTorch: prints milliseconds of CPU for an epoch, the least
of five."""

import json
import time

import torch
from torch import nn

SAMPLES, BATCH = 8192, 64


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))


def cnn():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(64 * 16, 128), nn.ReLU(), nn.Linear(128, 10),
    )


def least(build):
    torch.manual_seed(1)
    model = build()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    inputs, labels = torch.randn(SAMPLES, 1, 8, 8), torch.randint(10, (SAMPLES,))
    best = float("inf")
    for _ in range(5):
        begun = time.process_time()
        for start in range(0, SAMPLES, BATCH):
            loss = nn.functional.cross_entropy(model(inputs[start : start + BATCH]), labels[start : start + BATCH])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        best = min(best, time.process_time() - begun)
    return best * 1e3


print(json.dumps({"mlp_ms": least(mlp), "cnn_ms": least(cnn)}))
