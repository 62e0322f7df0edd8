"""What cameras see now, where the guard may look: one small picture, asked for again by the page while it is shown."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge_agent.console.desk import Desk
from edge_agent.console.session import guarded
from edge_agent.model.accounts import Who


def on_wall(desk: Desk) -> dict[str, list[str]]:
    """Names of the cameras that may be shown, by their door; those of none under ''."""
    shown: dict[str, list[str]] = {}
    for camera in desk.needs.config.cameras:
        if "wall" in camera.use:
            shown.setdefault(camera.door, []).append(camera.name)
    return shown


async def now(desk: Desk, request: Request, who: Who) -> Response:
    """204: it may be shown, and there is nothing to be seen of the last seconds."""
    camera = request.path_params["camera"]
    if not any(camera in names for names in on_wall(desk).values()):
        return Response(status_code=404)
    picture = desk.needs.glimpse(camera)
    return Response(status_code=204) if picture is None else Response(picture, media_type="image/jpeg")


def routes(desk: Desk) -> list[Route]:
    return [Route("/cameras/{camera}/now.jpg", guarded(desk, now, "wall", active=False))]
