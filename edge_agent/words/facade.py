"""Sentences about facades: what is wrong with clicked lines, and what `edge-agent camera calibrate` says."""

WORDS: dict[str, tuple[str, str]] = {
    "facade.size": (
        "{width} × {height} is no frame; write size = [width, height] of the picture in which the lines were clicked",
        "{width} × {height} 不是有效画面；请写 size = [宽, 高]，即标定所用图像的尺寸",
    ),
    "facade.points": (
        "{count} numbers are not points; write x, y, x, y, … in px, at least {least} numbers",
        "{count} 个数不成点；请写 x, y, x, y, …（像素），至少 {least} 个数",
    ),
    "facade.outside": (
        "the point {x}, {y} is outside the frame of {width} × {height} px; is `size` that of the clicked picture?",
        "点 {x}, {y} 在 {width} × {height} 像素的画面之外；`size` 是否为标定图像的尺寸？",
    ),
    "facade.mask_small": (
        "the mask covers {area} px² and hides nothing; write it in px of the frame of {width} × {height}, "
        "not in parts of the picture",
        "遮挡区只有 {area} 平方像素，起不到遮挡作用；请按 {width} × {height} 画面的像素坐标书写，不要写比例",
    ),
    "facade.lands_order": (
        "write the points of `lands` from left to right: x grows from each to the next",
        "`lands` 的各点应从左到右书写：每个点的 x 都大于前一个",
    ),
    "facade.lands_high": (
        "`lands` lies above the highest floor that was clicked: it is the line at which what falls lands or goes out "
        "of sight, as the edge of a canopy or the roof of the shops in front",
        "`lands` 高于所点的最高楼层线：它是坠物落下或消失处的线，例如雨棚边缘、裙房屋顶",
    ),
    "facade.line_short": (
        "a floor line goes across: click two points of one edge, as far apart as the wall allows "
        "(at least a tenth of the frame's width)",
        "楼层线应为横线：请在同一条边上点两个点，相距尽量远（至少为画面宽度的十分之一）",
    ),
    "facade.column_short": (
        "a column line goes up: click two points at least a tenth of the frame's height apart",
        "列线应为竖线：请点两个点，相距至少为画面高度的十分之一",
    ),
    "facade.no_floor": (
        "floor {floor} is not there; floors count from 1 at the street, {most} is the edge of the roof",
        "没有第 {floor} 层；楼层从临街的 1 层数起，{most} 表示屋顶边缘",
    ),
    "facade.twice": ("the line {number} is there twice; keep the better one", "第 {number} 条线重复；请保留较准的一条"),
    "facade.one_column": (
        "one column line gives no width; click two or more, or none",
        "只有一条列线，无法得到宽度；请点两条以上，或一条也不点",
    ),
    "facade.few_lines": (
        "{count} lines are too few: perspective needs {least} floors at least; "
        "click the lowest, the highest and some between",
        "{count} 条线太少：透视至少需要 {least} 个楼层；请点最低、最高及中间若干层",
    ),
    "facade.crossing": (
        "floor {floor} must be above floor {other} ({first}) over the whole width of the frame, and they cross or are "
        "swapped; click again, along one edge each",
        "第 {floor} 层的线应在整个画面宽度内高于第 {other} 层（{first}），但两线相交或颠倒；请各沿同一条边重新点",
    ),
    "facade.columns_crossing": (
        "column {column} must be to the right of column {other} ({first}); columns count from the left",
        "第 {column} 列应在第 {other} 列（{first}）右侧；列从左数起",
    ),
    "facade.misplaced": (
        "by these lines floor {floors} cannot be: above would be seen below. Were floors skipped between the lines? "
        "Each has the number of its own floor (the page counts 1, 2, 3, … as you click: correct it there); else "
        "`floors`, floor_m or ground_m is wrong",
        "按这些线推算，第 {floors} 层不可能存在：高处反而会显示在低处。各线之间是否跳过了楼层？"
        "每条线应写其自身的楼层号（页面按点选顺序编为 1、2、3……，请在页面上改正）；"
        "否则 `floors`、floor_m 或 ground_m 有误",
    ),
    "facade.unseen": (
        "# note: the lower edge of floor {floors} lies outside the picture; what falls there is seen further down only",
        "# 提示：第 {floors} 层的下边缘在画面之外；那里坠落的物体进入画面后才能看到",
    ),
    "facade.too_small": (
        "by these lines floor {floor} has {scale} px per metre, and at least {least} are needed. Where they lie close "
        "together that is a guess: click the lowest and the highest that can be seen. Else: a longer lens, more "
        "distance, the camera upright (portrait), or a second camera for the upper floors",
        "按这些线推算，第 {floor} 层每米只有 {scale} 像素，至少需要 {least}。若各线相距很近，推算不准："
        "请点可见的最低层和最高层。否则请换长焦镜头、加大距离、竖装摄像机，或为高层另设一台",
    ),
    "facade.small": (
        "# warning: floor {floor} has {scale} px per metre; from {least} on a cup is seen there, "
        "below only larger things",
        "# 提示：第 {floor} 层每米 {scale} 像素；达到 {least} 才能看到水杯大小的物体，低于此只能看到更大的物体",
    ),
    "facade.not_a_wall": (
        "the lines do not fit one flat wall ({residual} px apart on average, at most {most}): is a floor number "
        "wrong, or floor_m, ground_m or column_m? The worst is floor {floor}",
        "这些线不符合同一平面墙（平均相差 {residual} 像素，最多 {most}）："
        "楼层号或 floor_m、ground_m、column_m 是否有误？偏差最大的是第 {floor} 层",
    ),
    "facade.other_frame": (
        "facade `{name}` was calibrated on {wide} × {high} px and the camera gives {width} × {height}, another shape: "
        "calibrate again with a still of this stream",
        "外墙 `{name}` 按 {wide} × {high} 像素标定，而摄像机画面为 {width} × {height}，比例不同："
        "请用此码流的截图重新标定",
    ),
    "facade.twice_watched": (
        "camera `{camera}` watches facade `{other}` already; one camera, one wall",
        "摄像机 `{camera}` 已用于外墙 `{other}`；一台摄像机只对应一面墙",
    ),
    "facade.no_still": ("{file} cannot be read: {why}", "无法读取 {file}：{why}"),
    "facade.not_a_still": (
        "{file} is not a picture that can be read; save a still of the stream as PNG or JPEG",
        "{file} 不是可读取的图像；请将码流截图存为 PNG 或 JPEG",
    ),
    "facade.still_too_large": (
        "{file} is too large, at most {megapixels} megapixels and {megabytes} MB are read; "
        "save a still of the stream itself",
        "{file} 过大，最多读取 {megapixels} 百万像素、{megabytes} MB；请直接保存码流截图",
    ),
    "facade.not_written": ("{file} cannot be written: {why}", "无法写入 {file}：{why}"),
    "facade.over_the_still": (
        "{file} is the still itself: name another file with --picture, the grid is drawn over a copy",
        "{file} 就是截图本身：请用 --picture 指定另一个文件，网格画在副本上",
    ),
    "facade.whole": (
        "{found} is no whole number; floors, columns and their count are, as 5",
        "{found} 不是整数；楼层、窗列及其数量须为整数，如 5",
    ),
    "facade.no_line": (
        "`{text}`: write a number, a colon and points in px, as in 3:120,840,960,852",
        "“{text}”：请写编号、冒号和像素坐标，例如 3:120,840,960,852",
    ),
    "facade.no_points": (
        "`{text}`: write points from left to right in px, as in 0,1480,1080,1495",
        "“{text}”：请从左到右写像素坐标，例如 0,1480,1080,1495",
    ),
    "facade.two_sources": (
        "{options} would be left out beside {source}: give the lines in one way, and change what the file says "
        "in the file",
        "使用 {source} 时 {options} 不起作用：线只能用一种方式给出；文件中的内容请在文件中修改",
    ),
    "facade.none_there": (
        "there is no [[facade]] in it; give the file that `camera calibrate` printed one into, or click with --page",
        "其中没有 [[facade]]；请指定存有 `camera calibrate` 输出的文件，或用 --page 点选",
    ),
    "facade.which": ("there are several; add --name with one of: {known}", "其中有多个；请用 --name 指定其一：{known}"),
    "facade.say_floors": (
        "how many floors has the building? Add --floors; or click with --page, or give a file with --from",
        "楼房共有几层？请加 --floors；也可用 --page 点选，或用 --from 指定文件",
    ),
    "facade.fits": (
        "# the lines fit within {residual} px; the wall is about {distance} m away; look at {picture}",
        "# 各线拟合误差 {residual} 像素；墙面距离约 {distance} 米；请查看 {picture}",
    ),
    "facade.scale": (
        "# floor {floor}: {scale} px per metre; smallest object seen there about {smallest} cm",
        "# 第 {floor} 层：每米 {scale} 像素；可见的最小物体约 {smallest} 厘米",
    ),
    "facade.no_page": ("port {port} cannot be used: {why}", "端口 {port} 无法使用：{why}"),
    "facade.page_at": (
        "open {url} in a browser on this machine (from elsewhere: through an SSH tunnel)",
        "请在本机浏览器打开 {url}（从别处访问请用 SSH 隧道）",
    ),
    "facade.page_over": (
        "Done; the terminal shows the table for agent.toml. This page can be closed.",
        "已完成；终端已显示 agent.toml 所需的表。可以关闭本页。",
    ),
    "facade.page_title": ("Calibrate the facade", "标定外墙"),
    "facade.page_how": (
        "Click two points on the lower edge of a floor, as far apart as the wall allows; then the next floor. The "
        "lowest, the highest and some between; six are good. Columns: left edges of window columns. Landing: where a "
        "canopy or the roof of shops in front hides the foot of the wall, two points of its edge, and more beside "
        "them. Click a line in the list to remove it.",
        "在某层的下边缘点两个点，相距尽量远；再点下一层。最低、最高及中间若干层，六条为宜。列：窗列的左边缘。"
        "落点：雨棚或裙房屋顶遮住墙脚时，点其边缘的两个点，可再点几处。点击列表中的线可删除。",
    ),
    "facade.page_kind": ("line of", "线的种类"),
    "facade.page_floor": ("floor", "楼层"),
    "facade.page_column": ("column", "窗列"),
    "facade.page_landing": ("landing", "落点"),
    "facade.page_number": ("number", "编号"),
    "facade.page_floors": ("floors of the building", "楼房层数"),
    "facade.page_floor_m": ("height of a floor, m", "层高（米）"),
    "facade.page_column_m": ("width of a column, m", "列宽（米）"),
    "facade.page_show": ("show the grid", "显示网格"),
    "facade.page_done": ("done", "完成"),
}
