"""Watch the filters of a small CNN become the motifs that it is to find in DNA, as sequence logos.

    pip install -e '.[examples]' && python examples/motifs.py

Random DNA is made here: 2000 sequences of 100 letters, into which each of four motifs that proteins bind to is planted
with a probability of one half. The network says which ones are there. Takes about 10 seconds on two cores.
"""

from __future__ import annotations

import argparse

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader, TensorDataset

from filterscope import Conv1dFilterMonitor

LETTERS = "ACGT"
#: Of AP-1, the E-box, GATA and NF-Y.
MOTIFS = ("TGACTCA", "CACGTG", "AGATAAG", "CCAAT")
LENGTH = 100


class MotifFinder(pl.LightningModule):
    """One convolution over one-hot letters, its maximum along the sequence, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(len(LETTERS), 16, kernel_size=15)
        self.head = nn.Linear(16, len(MOTIFS))

    def forward(self, sequences: Tensor) -> Tensor:
        """Logits ``(batch, motifs)`` of sequences ``(batch, letters, length)``."""
        return self.head(self.conv1(sequences).relu().amax(dim=-1))

    def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Binary cross entropy of each motif."""
        loss = nn.functional.binary_cross_entropy_with_logits(self(batch[0]), batch[1])
        self.log("train_loss", loss)
        return loss

    def test_step(self, batch: tuple[Tensor, Tensor]) -> None:
        """Accuracy, over motifs."""
        self.log("test_accuracy", ((self(batch[0]) > 0) == batch[1].bool()).float().mean())

    def configure_optimizers(self) -> Optimizer:
        """AdamW: its decay takes away what the initialisation left at taps that matter to no motif."""
        return torch.optim.AdamW(self.parameters(), lr=1e-2, weight_decay=0.1)


def make(count: int) -> TensorDataset:
    """One-hot sequences ``(count, letters, length)``, and which motifs each of them has."""
    letters = torch.randint(len(LETTERS), (count, LENGTH))
    present = torch.rand(count, len(MOTIFS)) < 0.5
    room = LENGTH // len(MOTIFS)  # one motif in each stretch, so that none is planted over another
    for number, motif in enumerate(MOTIFS):
        planted = torch.tensor([LETTERS.index(letter) for letter in motif])
        for row in present[:, number].nonzero()[:, 0].tolist():
            start = number * room + int(torch.randint(room - len(motif), ()))
            letters[row, start : start + len(motif)] = planted
    return TensorDataset(nn.functional.one_hot(letters, len(LETTERS)).mT.float(), present.float())


def main() -> None:
    """Train, test, and say how to look."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    pl.seed_everything(options.seed)
    logger = TensorBoardLogger("runs", name="motifs")
    trainer = pl.Trainer(
        max_epochs=options.epochs,
        logger=logger,
        callbacks=[Conv1dFilterMonitor(channel_names=LETTERS)],
        enable_model_summary=False,
        log_every_n_steps=20,
    )
    model = MotifFinder()
    trainer.fit(model, DataLoader(make(2000), batch_size=50, shuffle=True))
    (result,) = trainer.test(model, DataLoader(make(1000), batch_size=500), verbose=False)
    print(f"test accuracy: {result['test_accuracy']:.1%}")
    print(f"look at the filters: tensorboard --logdir {logger.log_dir}")


if __name__ == "__main__":
    main()
