"""The page on which floor lines are clicked: one picture, on this machine only, gone when it is done."""

import contextlib
import json
import threading
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from typing import Any

import msgspec

from edge_agent.cli import camera_calibrate
from edge_agent.cli.speech import language, tell, words
from edge_agent.core.zone_shape import corners
from edge_agent.errors import EdgeAgentError
from edge_agent.model.site import Facade
from edge_agent.vision.falling_picture import draw, png
from edge_agent.vision.loopback import LocalHandler, secret_path

BYTES_AT_MOST = 200_000
IDLE_S = 15.0
PAGE = """<!doctype html><html lang="%(lang)s"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>%(title)s</title><style>
body{font:15px/1.5 system-ui,sans-serif;margin:0;display:flex;height:100vh;color:#222}
#side{width:22em;padding:1em;overflow:auto;box-sizing:border-box}#wrap{flex:1;overflow:auto;background:#333}
canvas{cursor:crosshair;display:block}input{width:5em}li{cursor:pointer}#said{white-space:pre-wrap;color:#a00}
button{margin:.3em .3em .3em 0}label{display:block}
@media(max-width:800px){body{flex-direction:column}#side{width:auto;max-height:50vh}#wrap{min-height:50vh}
button,select,input{min-height:44px;font-size:16px}li{padding:.5em 0}}</style></head><body><div id="side"><h1 style="font-size:1.2em">%(title)s
</h1><p>%(how)s</p><label>%(kind)s <select id="kind"><option value="lines">%(floor)s</option><option value="columns">
%(column)s</option><option value="lands">%(landing)s</option></select></label><label>%(number)s <input id="number" type="number" value="1" min="1"></label>
<label>%(floors)s <input id="floors" type="number" value="%(count)s"></label><label>%(floor_m)s <input id="floor_m"
type="number" step="0.05" value="%(high)s"></label><label>%(column_m)s <input id="column_m" type="number" step="0.05"
value="%(wide)s"></label><ol id="list"></ol><button id="try">%(show)s</button><button id="done">%(done)s</button>
<p id="said" role="status"></p></div><div id="wrap"><canvas id="c"></canvas></div><script>
const made={lines:[],columns:[],lands:[]},said={lines:"%(floor)s ",columns:"%(column)s ",lands:"%(landing)s"},base=location.pathname;let half=null;const img=new Image(),c=document.getElementById("c"),
g=c.getContext("2d"),by=i=>document.getElementById(i);
function paint(){g.drawImage(img,0,0,c.width,c.height);const s=Math.max(1,img.width/1400);g.lineWidth=2*s;g.font=16*s+"px sans-serif";
for(const k in made)for(const l of made[k]){g.strokeStyle=g.fillStyle={lines:"#f33",columns:"#39f",lands:"#f0f"}[k];g.beginPath();
g.moveTo(l.at[0],l.at[1]);g.lineTo(l.at[2],l.at[3]);g.stroke();g.fillText(l.number,l.at[0]+6*s,l.at[1]-6*s)}
if(half){g.fillStyle="#ff0";g.fillRect(half[0]-4*s,half[1]-4*s,8*s,8*s)}
by("list").replaceChildren(...Object.keys(made).flatMap(k=>made[k].map((l,i)=>{const e=document.createElement("li");
e.textContent=said[k]+l.number+" ✕";e.onclick=()=>{made[k].splice(i,1);paint()};return e})))}
img.onload=()=>{c.width=img.naturalWidth;c.height=img.naturalHeight;paint()};img.src=base+"/still.png";
c.onclick=e=>{const r=c.getBoundingClientRect(),p=[(e.clientX-r.left)*c.width/r.width,(e.clientY-r.top)*c.height/r.height]
.map(v=>Math.round(v*10)/10);if(!half)half=p;else{const k=by("kind").value,n=by("number");made[k].push({number:k=="lands"?"":+n.value,at:[...half,...p]});
half=null;if(k!="lands")n.value=+n.value+1}paint()};
async function send(done){const a=await fetch(base+(done?"/done":"/try"),{method:"POST",body:JSON.stringify({...made,
floors:+by("floors").value,floor_m:+by("floor_m").value,column_m:+by("column_m").value})});
if(a.headers.get("content-type")=="image/png"){img.src=URL.createObjectURL(await a.blob());by("said").textContent=""}
else by("said").textContent=await a.text()}
by("try").onclick=()=>send(false);by("done").onclick=()=>send(true);</script></body></html>"""  # noqa: E501


@dataclass
class _Clicks:
    """What the page is of, where it is, and what came of it."""

    still: Any
    name: str
    camera: str
    given: dict[str, Any]
    place: str = field(default_factory=secret_path)
    over: threading.Event = field(default_factory=threading.Event)
    made: Facade | None = None

    def tried(self, body: bytes) -> tuple[Facade, Any]:
        """The façade of these clicks, and the still with its grid. Raises EdgeAgentError when they make none, and
        ValueError, KeyError or TypeError for what the page does not send."""
        facade = _made(body, self.name, self.camera, (self.still.shape[1], self.still.shape[0]), self.given)
        return facade, draw(camera_calibrate.checked(facade, facade.size, self.name), self.still)


class _Server(ThreadingHTTPServer):
    def __init__(self, port: int, clicks: _Clicks) -> None:
        super().__init__(("127.0.0.1", port), _Page)
        self.clicks = clicks


class _Page(LocalHandler):
    server: _Server
    timeout = IDLE_S  # a browser opens connections before it needs them

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # who asked has gone
            super().handle()

    def do_GET(self) -> None:
        clicks = self.server.clicks
        if self.path == clicks.place:
            self._answer(_page(clicks.given).encode(), "text/html; charset=utf-8")
        elif self.path == f"{clicks.place}/still.png":
            self._answer(png(clicks.still), "image/png")
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        clicks = self.server.clicks
        length = int(self.headers.get("content-length") or 0)
        if self.path not in {f"{clicks.place}/try", f"{clicks.place}/done"} or not 0 < length <= BYTES_AT_MOST:
            self.send_error(404)
            return
        try:
            facade, grid = clicks.tried(self.rfile.read(length))
        except EdgeAgentError as error:
            self._said(error.text(language()))
        except (ValueError, KeyError, TypeError) as error:
            self._said(str(error))
        else:
            if self.path.endswith("/try"):
                self._answer(png(grid), "image/png")
                return
            clicks.made = facade
            try:
                self._said(words("facade.page_over"))
            finally:
                clicks.over.set()

    def _said(self, text: str) -> None:
        self._answer(text.encode(), "text/plain; charset=utf-8")

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def clicked(still: Any, name: str, camera: str, given: dict[str, Any], port: int) -> Facade:
    """Serves the page on the loopback until its user is done. Raises EdgeAgentError when the port is taken."""
    clicks = _Clicks(still, name, camera, given)
    try:
        server = _Server(port, clicks)
    except OSError as error:
        raise EdgeAgentError("facade.no_page", port=port, why=error.strerror) from None
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:  # whoever reads the address may stop it at once
            tell("facade.page_at", url=f"http://127.0.0.1:{server.server_port}{clicks.place}")
            clicks.over.wait()
        finally:
            server.shutdown()
    assert clicks.made is not None
    return clicks.made


def _page(given: dict[str, Any]) -> str:
    said = {key: words(f"facade.page_{key}") for key in (
        "title", "how", "kind", "floor", "column", "landing", "number", "floors", "floor_m", "column_m", "show", "done",
    )}  # fmt: skip
    known = {"count": given.get("floors", ""), "high": given.get("floor_m", 3.0), "wide": given.get("column_m", 3.6)}
    page = PAGE
    for key, value in {**said, **known, "lang": language()}.items():
        page = page.replace(f"%({key})s", str(value))
    return page


def _made(body: bytes, name: str, camera: str, size: tuple[int, int], given: dict[str, Any]) -> Facade:
    data = json.loads(body)
    for number in (data["floors"], *(one["number"] for one in (*data["lines"], *data["columns"]))):
        if not isinstance(number, int):
            raise EdgeAgentError("facade.whole", found=number)
    rows: dict[str, Any] = {
        "lines": [{"floor": one["number"], "at": one["at"]} for one in data["lines"]],
        "columns": [{"column": one["number"], "at": one["at"]} for one in data["columns"]],
    }
    sizes = {key: data[key] for key in ("floors", "floor_m", "column_m")}
    ends = sorted(end for one in data["lands"] for end in corners(one["at"]))
    rows["lands"] = [at for end in ends for at in end]
    return msgspec.convert({**given, **sizes, **rows, "name": name, "camera": camera, "size": size}, Facade)
