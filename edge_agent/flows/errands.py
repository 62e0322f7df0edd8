"""What the city wants that takes its time: people, configuration, certificate, and what it wants to know.

Each is one of its own and may be repeated: a version that is already in force changes nothing and says so.
"""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

from edge_agent.errors import UplinkError, VisitError
from edge_agent.model.commands import FIRST, Answer, Command, Outcome
from edge_agent.ports import Register, Setup, Uplink

VERBS = frozenset(
    {"grant", "revoke", "blacklist", "sync", "configure", "certify", "diagnose", "evidence", "answer_visit"}
)


class Errands:
    """`diagnose` gives a bounded answer; `look` makes the list of people be looked at again; `evidence` says what there
    is of a time (Unix ms, and a camera): the media stay here; `host_says` takes what the host of a visit answered
    (visit, answer, who), and raises VisitError.
    """

    def __init__(
        self,
        register: Register,
        setup: Setup,
        uplink: Uplink,
        diagnose: Callable[[], Answer],
        look: Callable[[], None] = lambda: None,
        evidence: Callable[[int, int, str | None], Answer] | None = None,
        host_says: Callable[[str, Any, str], Awaitable[None]] | None = None,
    ) -> None:
        self.register, self.setup, self.uplink, self.diagnose, self.look = register, setup, uplink, diagnose, look
        self.evidence, self.host_says = evidence, host_says

    def does(self, verb: str) -> bool:
        return verb in VERBS

    def rank(self, verb: str) -> int:
        """Lower goes first: a revocation waits for nothing that grants."""
        return 0 if verb in FIRST else 1

    def restart(self) -> None:
        self.setup.restart()

    async def do(self, command: Command, args: Any) -> Outcome:
        """Raises StoreError and UplinkError."""
        version = command.counter
        match command.verb:
            case "grant":
                return Outcome(await self.register.grant(args.person, version))
            case "revoke":
                return Outcome(await self.register.bar(args.subject, version))
            case "blacklist":
                return Outcome(
                    await self.register.blacklist(args.subject, version, args.reason, args.until_ms, args.listed)
                )
            case "configure":
                return await self._configure(args.sha256, args.size, version)
            case "certify":
                return Outcome(*await self.setup.certify(args.pem.encode(), version))
            case "answer_visit" if self.host_says is not None:
                try:
                    await self.host_says(args.visit, args.answer, f"city/{command.issuer}")
                except VisitError as error:
                    return Outcome(error.code.removeprefix("visit."))
                return Outcome()
            case "sync":
                self.look()
                return Outcome(answer={"people_version": await self.register.list_version()})
            case "diagnose":
                return Outcome(answer=self.diagnose())
            case "evidence":
                if self.evidence is None:
                    return Outcome("not_here", "this gateway keeps no evidence")
                return Outcome(answer=self.evidence(args.from_ms, args.to_ms, args.camera))
            case _:
                return Outcome("unknown_verb")

    async def _configure(self, sha256: str, size: int, version: int) -> Outcome:
        content = await fetched(self.uplink, sha256, size)
        if content is None:
            return Outcome("content_missing", sha256)
        reason, detail = await self.setup.configure(content, version)
        return Outcome(reason, detail, answer={} if reason else {"config": sha256[:16]}, restart=not reason)


async def fetched(uplink: Uplink, sha256: str, size: int) -> bytes | None:
    """What has this hash and size, or None: whoever brings it, nothing else is taken for it."""
    try:
        content = await uplink.content(sha256, size)
    except UplinkError:
        return None
    if content is None or len(content) != size or hashlib.sha256(content).hexdigest() != sha256:
        return None
    return content
