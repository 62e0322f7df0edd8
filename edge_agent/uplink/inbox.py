"""What came from the city and waits to be looked at: acknowledgements and commands, signatures checked.

Bounded: whoever floods these topics costs a log line a minute, no memory and no event.
"""

import asyncio
import time

import msgspec

from edge_agent import log
from edge_agent.contract.messages import COMMAND_MAX_BYTES, AckMessage, MessageError, unseal
from edge_agent.contract.signatures import PublicKey
from edge_agent.model.ack import Ack
from edge_agent.model.commands import Command, Delivery
from edge_agent.uplink.broker import Incoming

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
    def __init__(self, city_ack: PublicKey, city_command: PublicKey) -> None:
        self.bad_acks = 0
        self.acks: asyncio.Queue[Ack] = asyncio.Queue(ACKS_WAITING)
        self.commands: asyncio.Queue[Delivery] = asyncio.Queue(COMMANDS_WAITING)
        self._city_ack, self._city_command = city_ack, city_command
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
        ack = message.ack
        if message.now <= self._newest:  # late or twice: what it holds is true, its refusals were counted already
            ack = msgspec.structs.replace(ack, refused=())
        self._newest = max(self._newest, message.now)
        if self.acks.full():
            self.acks.get_nowait()  # they are cumulative
        self.acks.put_nowait(ack)

    def take_command(self, incoming: Incoming) -> bool:
        """False when there is no room: the command is dropped."""
        if self.commands.full():
            if self._seldom("flood"):
                logger.warning("more commands than can be looked at: dropping them")
            return False
        command, problem = None, ""
        try:
            command = unseal(incoming.payload, self._city_command, Command, COMMAND_MAX_BYTES)
        except MessageError as error:
            problem = error.problem
        self._tokens += 1
        self._unaccepted[self._tokens] = incoming.mid
        self.commands.put_nowait(Delivery(self._tokens, len(incoming.payload), incoming.retained, command, problem))
        return True

    def accepted(self, token: int) -> int | None:
        """The packet id to acknowledge, once; None when it was or when its session is over."""
        return self._unaccepted.pop(token, None)

    def forget_session(self) -> None:
        """Packet ids mean nothing to the next connection."""
        self._unaccepted.clear()
