"""What every page has at hand: the gateway's side (Needs), the feed, the templates, and the audit."""

from edge_agent.console.album import Album
from edge_agent.console.confirm import Confirmations
from edge_agent.console.feed import Feed
from edge_agent.console.keeper import Doorkeeper
from edge_agent.console.needs import Needs
from edge_agent.console.previews import Previews
from edge_agent.console.render import Pages
from edge_agent.model.events import AuditExported, AuditRefused, AuditSignedIn, AuditViewed
from edge_agent.model.site import Console


class Desk:
    def __init__(self, needs: Needs) -> None:
        gateway, console = needs.config.gateway, needs.config.console or Console()
        self.needs, self.feed, self.keeper = needs, Feed(needs), Doorkeeper()
        self.confirmations, self.previews, self.album = Confirmations(), Previews(), Album(needs)
        self.watched = set[tuple[str, str]]()  # session, evidence: a player asks for a clip in many parts
        titles = {door.name: door.title for door in needs.config.doors if door.title}
        self.pages = Pages(gateway.id, gateway.zone, console.language, console.lock_after_s, needs.reasons, titles)

    def audit(self, event: AuditViewed | AuditExported | AuditSignedIn | AuditRefused) -> None:
        """Who looked at what goes into the journal like everything else."""
        self.needs.journal.record(event)
