"""What came from the city and waits to be looked at: acknowledgements, commands and lists, signatures checked.

Bounded: whoever floods these topics costs a log line a minute and no memory. A genuine command is never kept out by
forged ones, and a revocation is taken before whatever else waits.
"""

import asyncio
import time

import msgspec

from edge_agent import log
from edge_agent.contract.commanders import Keyring
from edge_agent.contract.messages import (
    MESSAGE_MAX_BYTES,
    AckMessage,
    ManifestMessage,
    MessageError,
    convert,
    unseal,
)
from edge_agent.contract.signatures import PublicKey
from edge_agent.model.ack import Ack
from edge_agent.model.commands import FIRST, Command, Delivery, Listed, Signer
from edge_agent.uplink.broker import Incoming

FORGED, GENUINE, REVOKING = 2, 1, 0  # in this order, from the last
COMMANDS_WAITING = 32  # less than broker.RECEIVE_MAXIMUM: waiting commands never hold up an acknowledgement
ACKS_WAITING = 64
LOG_AGAIN_S = 60.0

logger = log.get("uplink.inbox")


class Seldom:
    """True at most once a minute for the same thing."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}

    def __call__(self, what: str) -> bool:
        now = time.monotonic()
        if now - self._last.get(what, -LOG_AGAIN_S) < LOG_AGAIN_S:
            return False
        self._last[what] = now
        return True


class Inbox:
    def __init__(self, city_ack: PublicKey, commanders: Keyring) -> None:
        self.bad_acks = 0
        self.answered = False  # an acknowledgement of the city's came in this session
        self.dropped = 0  # commands, since the last one that was taken
        self.acks: asyncio.Queue[Ack] = asyncio.Queue(ACKS_WAITING)
        self._commands: list[tuple[int, Delivery]] = []
        self._command_here = asyncio.Event()
        self._listed: Listed | None = None  # only the newest counts
        self._listed_here = asyncio.Event()
        self._city_ack, self._commanders = city_ack, commanders
        self._newest = ""
        self._unaccepted: dict[int, int] = {}  # token -> packet id of this session
        self._tokens = 0
        self._seldom = Seldom()

    def take_ack(self, payload: bytes) -> None:
        try:
            message = unseal(payload, self._city_ack, AckMessage)
        except MessageError as error:
            self.bad_acks += 1
            if self._seldom("bad_ack"):
                logger.warning("an acknowledgement is not the city's: %s (%d so far)", error, self.bad_acks)
            return
        self.answered = True
        ack = message.ack
        if message.now <= self._newest:  # late or twice: what it holds is true, its refusals were counted already
            ack = msgspec.structs.replace(ack, refused=())
        self._newest = max(self._newest, message.now)
        if self.acks.full():
            self.acks.get_nowait()  # they are cumulative
        self.acks.put_nowait(ack)

    def take_command(self, incoming: Incoming) -> int | None:
        """None when it waits now, else the packet id of what does not: this one, or a forged one that made room."""
        command: Command | None = None
        signers: tuple[Signer, ...] = ()
        problem = ""
        try:
            command, signers = self._commanders.unseal(incoming.payload)
        except MessageError as error:
            problem = error.problem
        rank = FORGED if command is None else REVOKING if command.verb in FIRST else GENUINE
        out: int | None = None
        if len(self._commands) >= COMMANDS_WAITING:
            self.dropped += 1
            if self._seldom("flood"):
                logger.warning("more commands than can be looked at: dropping them")
            last, evicted = self._commands[-1]
            if last <= rank:
                return incoming.mid
            self._commands.pop()
            out = self._unaccepted.pop(evicted.token, 0)
        self._tokens += 1
        self._unaccepted[self._tokens] = incoming.mid
        delivery = Delivery(self._tokens, len(incoming.payload), incoming.retained, command, problem, signers)
        at = next((n for n, (other, _) in enumerate(self._commands) if other > rank), len(self._commands))
        self._commands.insert(at, (rank, delivery))
        self._command_here.set()
        return out

    async def next_command(self) -> Delivery:
        while not self._commands:
            self._command_here.clear()
            await self._command_here.wait()
        _, delivery = self._commands.pop(0)
        dropped, self.dropped = self.dropped, 0
        return msgspec.structs.replace(delivery, dropped=dropped) if dropped else delivery

    def take_list(self, payload: bytes, gateway: str) -> None:
        """What the city announced last takes the place of whatever it had announced before."""
        try:
            message, signer = self._commanders.signed(payload, MESSAGE_MAX_BYTES)
            manifest = convert(message, ManifestMessage)
        except MessageError as error:
            listed = Listed(problem=error.problem)
        else:
            listed = Listed(manifest.version, manifest.deltas, manifest.issuer, signer)
            if manifest.gateway != gateway:
                listed = Listed(problem="wrong_gateway")
        if listed.problem and self._listed is not None and not self._listed.problem:
            return  # a forged one does not push out a genuine one
        self._listed = listed
        self._listed_here.set()

    async def next_list(self) -> Listed:
        while self._listed is None:
            self._listed_here.clear()
            await self._listed_here.wait()
        listed, self._listed = self._listed, None
        return listed

    def accepted(self, token: int) -> int | None:
        """The packet id to acknowledge, once; None when it was or when its session is over."""
        return self._unaccepted.pop(token, None)

    def forget_session(self) -> None:
        """Packet ids mean nothing to the next connection."""
        self._unaccepted.clear()
        self.answered = False
