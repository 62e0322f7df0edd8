"""Events about people's records, the audit and the agent itself in words."""

from edge_agent.model.events import (
    AgentDegraded,
    AgentStarted,
    AgentStopped,
    AuditExported,
    AuditRefused,
    AuditSignedIn,
    AuditViewed,
    CommandRefused,
    CommandUnknown,
    ConsentGiven,
    ConsentWithdrawn,
    DeviceBack,
    Event,
    GapAnnounced,
    PersonChanged,
    PersonErased,
    UnknownEvent,
)
from edge_agent.words import WORDS, retold, say


def record_detail(event: Event | UnknownEvent, lang: str) -> str | None:
    """None for an event that is another's to tell."""

    def word(code: str) -> str:
        return say(code, lang) if code in WORDS else code.rpartition(".")[2]

    def by(who: str) -> str:
        return say("detail.by", lang, by=who) if who else ""

    def many(count: int) -> str:
        return say("detail.records", lang, count=count) if count > 1 else ""

    def unsaid(count: int) -> str:
        return say("detail.unsaid", lang, count=count) if count else ""

    match event:
        case AuditViewed(by=who, what=what, count=count):
            kind, _, which = what.partition("/")
            name, _, clip = which.partition("/")
            parts = [word(f"detail.viewed.{clip or kind}"), name, many(count), by(who)]
        case AuditExported(by=who, what=what, count=count):
            parts = [word(f"detail.viewed.{what}"), say("detail.records", lang, count=count), by(who)]
        case AuditSignedIn(by=who, how=how, address=address):
            parts = [word(f"detail.session.{how}"), address, by(who)]
        case AuditRefused(by=who, why=why, what=what, address=address, unsaid=more):
            parts = [word(f"detail.no_entry.{why}"), what, address, by(who), unsaid(more)]
        case PersonChanged(what=what, count=count, source=source):
            parts = [word(f"detail.changed.{what}"), many(count), source]
        case ConsentGiven(purpose=purpose, text_version=version, channel=channel):
            parts = [word(f"detail.purpose.{purpose}"), version, channel]
        case ConsentWithdrawn(purpose=purpose, channel=channel):
            parts = [word(f"detail.purpose.{purpose}"), channel]
        case PersonErased(why=why, templates=templates, pictures=pictures, terminal=terminal):
            counts = say("detail.erased", lang, templates=templates, pictures=pictures)
            parts = [word(f"detail.erased_why.{why}"), terminal or counts]
        case CommandRefused(verb=verb, reason=reason, issuer=issuer, unsaid=more):
            parts = [word(f"verb.{verb}"), word(f"refused.{reason}"), by(issuer), unsaid(more)]
        case CommandUnknown(verb=verb, door=door):
            parts = [word(f"verb.{verb}"), door or ""]
        case DeviceBack(after_ms=after_ms):
            parts = [say("detail.away", lang, s=after_ms / 1000) if after_ms else ""]
        case GapAnnounced(from_seq=first, to_seq=last, why=why):
            parts = [f"{first}–{last}" if first != last else str(first), word(f"detail.gap.{why}")]
        case AgentStarted(version=version, after=after):
            parts = [version, word(f"detail.started_after.{after}")]
        case AgentStopped(reason=reason):
            parts = [word(f"detail.stopped.{reason}")]
        case AgentDegraded(what=what, detail=detail, code=code, given=given):
            parts = [word(f"degraded.{what}"), retold(detail, code, given, lang)]
        case _:
            return None
    return " · ".join(part for part in parts if part)
