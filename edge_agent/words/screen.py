"""What a person before a terminal with a screen reads: short, and never the last word — the guard is offered."""

WORDS: dict[str, tuple[str, str]] = {
    "screen.granted": ("please enter", "请进"),
    "screen.denied": ("{reason} - ask the guard", "{reason}，请联系保安"),
    "screen.fault": ("out of order - ask the guard", "设备故障，请联系保安"),
    "screen.pin_wanted": ("type your PIN and #", "请输入密码并按 #"),
    "screen.waiting": ("please wait, or ask the guard", "请稍候，或联系保安"),
    "screen.close_door": ("please close the door", "请关门"),
    "screen.face_nearer": ("come nearer", "请靠近"),
    "screen.face_centre": ("step into the middle", "请站到画面中间"),
    "screen.face_front": ("look at the camera", "请正视摄像头"),
    "screen.face_light": ("too dark or too bright", "光线过暗或过亮"),
    "screen.face_still": ("hold still", "请保持不动"),
    "screen.face_alone": ("one person at a time", "请单人通过"),
    "screen.face_again": ("please look again", "请再看一次"),
}
