"""What a camera sees now, by its address: for other programs; pages get it with the stream (album.py)."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge_agent.console.album import on_wall
from edge_agent.console.desk import Desk
from edge_agent.console.session import guarded
from edge_agent.model.accounts import Who


async def now(desk: Desk, request: Request, who: Who) -> Response:
    """204: it may be shown, and there is nothing to be seen of the last seconds."""
    camera = request.path_params["camera"]
    if not any(camera in names for names in on_wall(desk.needs.config).values()):
        return Response(status_code=404)
    picture = desk.needs.glimpse(camera)
    return Response(status_code=204) if picture is None else Response(picture, media_type="image/jpeg")


def routes(desk: Desk) -> list[Route]:
    return [Route("/cameras/{camera}/now.jpg", guarded(desk, now, "wall", active=False))]
