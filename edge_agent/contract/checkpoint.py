"""A gateway's signed word on its journal: at row `seq` the chain's hash was `hash`.

With it nobody can rewrite a journal from its beginning, nor cut off what came before without showing it: the rows that
were removed in an orderly way end in a checkpoint with `pruned`.

The city gets one, too (topic `mark`), about a row that it has acknowledged: what it has of this gateway must reach so
far, and a database whose end was cut off, or that was put back from an older copy, shows it.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from edge_agent.contract.messages import Epoch, MessageError, Seq, seal, unseal
from edge_agent.contract.signatures import PrivateKey, PublicKey
from edge_agent.contract.topics import GATEWAY
from edge_agent.model.patterns import whole


class CheckpointMessage(msgspec.Struct, frozen=True, kw_only=True):
    gateway: Annotated[str, Meta(pattern=whole(rf"{GATEWAY}"))]
    epoch: Epoch
    seq: Seq
    hash: Annotated[str, Meta(pattern=whole(r"[0-9a-f]{64}"))]
    pruned: bool = False
    kid: str = ""
    sig: str = ""


def sign_checkpoint(gateway: str, epoch: str, seq: int, hash_: bytes, pruned: bool, key: PrivateKey) -> bytes:
    return seal(CheckpointMessage(gateway=gateway, epoch=epoch, seq=seq, hash=hash_.hex(), pruned=pruned), key)


def vouches(statement: bytes, epoch: str, seq: int, hash_: bytes, pruned: bool, key: PublicKey) -> bool:
    """True when `statement` is `key`'s word that row `seq` of `epoch` had this hash."""
    try:
        found = unseal(statement, key, CheckpointMessage)
    except MessageError:
        return False
    return (found.epoch, found.seq, found.hash, found.pruned) == (epoch, seq, hash_.hex(), pruned)
