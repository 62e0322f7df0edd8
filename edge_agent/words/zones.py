"""Zones and lines of cameras: mistakes in their shape, and what a rule measured when it fired."""

WORDS: dict[str, tuple[str, str]] = {
    "zone.outside": (
        "({x}, {y}) lies outside the picture; write parts of its width and height, 0 to 1, from the upper left corner",
        "（{x}, {y}）在画面之外；请写画面宽、高的比例（0 到 1），从左上角算起",
    ),
    "zone.too_few": (
        "{found} points are no area; give at least 3 corners",
        "{found} 个点不能围成区域；请至少给出 3 个角点",
    ),
    "zone.crossing": (
        "the sides from corner {one} and from corner {other} cross; give the corners in the order in which one walks "
        "around the zone",
        "从第 {one} 个角点和第 {other} 个角点出发的边相交；请按绕区域一周的顺序给出角点",
    ),
    "zone.too_small": (
        "is too small to see anybody's feet in it; draw it larger",
        "区域太小，无法看到脚部；请画大一些",
    ),
    "zone.short_line": ("the two points are the same place; draw the line longer", "两点几乎重合；请把线画长一些"),
    "zone.no_watch": (
        'names nothing to watch for; write watch = ["intrusion"]',
        '没有写要看什么；请写 watch = ["intrusion"]',
    ),
    "zone.needs_detector": (
        "an e-bike is seen by a detector only; install one (`edge-agent models add`) and name it as vision.detector",
        "识别电动自行车需要检测模型；请用 edge-agent models add 安装，并写入 vision.detector",
    ),
    "zone.no_class": (
        "model {id} cannot be used for {wanted}: it knows {classes}",
        "模型 {id} 不能用于 {wanted}：它只识别 {classes}",
    ),
    "zone.limit": ("{value} (limit {limit})", "{value}（限值 {limit}）"),
    "alert.smoke": ("smoke or flames seen (advisory)", "疑似烟火（辅助提示）"),
    "measure.in_zone_s": ("in the zone for", "在区域内时间"),
    "measure.height": ("height, part of the picture's", "高度（占画面）"),
    "measure.moved": ("way covered, own heights", "移动距离（身高倍数）"),
    "measure.dwell_s": ("stayed for", "停留时间"),
    "measure.people": ("people", "人数"),
    "measure.covered": ("part of the zone covered", "区域占用比例"),
    "measure.crowded_s": ("crowded for", "聚集时间"),
    "measure.still_s": ("not moved for", "静止时间"),
    "measure.edges": ("new edges around it", "新增边缘"),
    "measure.shape": ("width to height", "宽高比"),
    "measure.depth": ("distance past the line, own heights", "越线距离（身高倍数）"),
    "measure.in": ("in so far", "累计进入"),
    "measure.out": ("out so far", "累计离开"),
    "measure.detector": ("detector's score", "检测模型得分"),
    "measure.flicker": ("flicker", "闪烁程度"),
    "measure.haze": ("edges lost to haze", "烟雾遮挡程度"),
}
