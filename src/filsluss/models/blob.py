"""Blobs in a bucket: who may write each, and the objects that it consists of. Empty with a store on disk."""

from django.db import models


class Blob(models.Model):
    """Written by `filsluss.blobs` alone, in SQL: part_table.py and leases.py."""

    name = models.CharField(max_length=22, primary_key=True)
    epoch = models.BigIntegerField(help_text="the number of the last lease: what an earlier one says is void")
    holder = models.CharField(
        max_length=100, help_text="the server process that the holder listens by; empty: none"
    )
    touched_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Part(models.Model):
    """`size` bytes from `start` on, which are the first ones of the object with that key."""

    key = models.CharField(max_length=64, primary_key=True)
    blob = models.ForeignKey(Blob, on_delete=models.CASCADE, db_column="blob", db_index=False)
    start = models.BigIntegerField()
    size = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["blob", "start"], name="part_once")]

    def __str__(self) -> str:
        return self.key
