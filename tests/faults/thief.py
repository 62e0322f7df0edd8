"""Whoever has stolen a broker credential: publishes anything anywhere, hears everything, holds no key."""

import asyncio
import secrets
from typing import Any

from edge_agent.city.broker import Arrived, BrokerAddress, CityConnection
from edge_agent.errors import UplinkError
from tests.faults.broker import Broker


class Thief:
    """`heard`: what came on the topics it listens to."""

    def __init__(self, broker: Broker) -> None:
        self.heard: list[Arrived] = []
        self._broker = broker
        self._connection = self._new()

    @classmethod
    async def connected(cls, broker: Broker, *topics: str) -> "Thief":
        thief = cls(broker)
        await thief._connection.open()
        if topics:
            await thief._connection.subscribe(list(topics))
        return thief

    def _new(self) -> CityConnection:
        return CityConnection(BrokerAddress(self._broker.url), f"thief-{secrets.token_hex(4)}", self._hear)

    def _hear(self, message: Arrived) -> None:
        self.heard.append(message)
        self._connection.acknowledge(message.mid)

    async def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """Waits for the broker, unless it throws the thief out: then it comes back."""
        if retain:
            info = self._connection._client.publish(topic, payload, 1, True)
            await asyncio.to_thread(info.wait_for_publish, 5)
            return
        try:
            await self._connection.publish(topic, payload, 30)
        except UplinkError:
            await self.close()
            self._connection = self._new()
            await self._connection.open()

    def throw(self, topic: str, payload: bytes) -> Any:
        """As fast as it goes, without waiting."""
        return self._connection._client.publish(topic, payload, 0)

    async def close(self) -> None:
        await self._connection.close()
