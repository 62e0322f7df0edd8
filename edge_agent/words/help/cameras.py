"""Cameras and evidence."""

HELP: dict[str, str] = {
    "Cameras: what they are for, and how their alerts are tuned.": "摄像头：用途及告警调校。",
    "Calibrate a façade camera on STILL, a picture of the stream that is analysed.\n\nGive floor lines with "
    "--line, in a file, or click them with --page. Prints the [[facade]] for agent.toml and draws\nthe grid over "
    "the picture: look at it before you use it.": (
        "用 STILL（分析码流的一张画面）标定墙面摄像头。\n\n楼层线用 --line、文件给出，或用 --page 点选。输出供 ag"
        "ent.toml 使用的 [[facade]]，并在画面上绘出网格：使用前请核对。"
    ),
    "Name of the façade (default: facade; with --from the only one there).": (
        "墙面名称（默认 facade；用 --from 时为文件中唯一的一个）。"
    ),
    "Name of its [[camera]] (default: the façade's).": "所用 [[camera]] 的名称（默认同墙面）。",
    "Floors of the building.": "楼层数。",
    "Lower edge of a floor: FLOOR:X1,Y1,X2,Y2 (px).": "楼层下沿：FLOOR:X1,Y1,X2,Y2（像素）。",
    "Left edge of a window column: COLUMN:X1,Y1,X2,Y2.": "窗列左沿：COLUMN:X1,Y1,X2,Y2。",
    "Where what falls lands or goes out of sight, left to right: X1,Y1,X2,Y2,… (a canopy, a roof in front).": (
        "坠物落下或消失处的线，从左到右：X1,Y1,X2,Y2,…（雨棚、裙房屋顶）。"
    ),
    "Height of a floor (default 3.0).": "层高（默认 3.0）。",
    "Height of floor 1 where it is another.": "首层层高（不同时）。",
    "Width of a column (default 3.6).": "列宽（默认 3.6）。",
    "Height of the lens above the street (default 3.5).": "镜头离地高度（默认 3.5）。",
    "Lens to wall (default: computed).": "镜头到墙面距离（默认自动计算）。",
    "A TOML file with [[facade]] instead.": "改用含 [[facade]] 的 TOML 文件。",
    "Click the lines in a browser on this machine.": "在本机浏览器中点选。",
    "Port of that page (default: a free one).": "该页面端口（默认空闲端口）。",
    "Where the grid is drawn (default: STILL.grid.png).": "网格图输出位置（默认 STILL.grid.png）。",
    "Show each camera of agent.toml: what it is used for, and which door or place it looks at.": (
        "列出 agent.toml 中各摄像头：用途，以及所看的门或位置。"
    ),
    "Put the recording FILE through the analysis of CAMERA, as it is set in agent.toml; faster than it "
    "happened.\n\nThe same file gives the same answer every time. Status 1 when it cannot be looked at for all "
    "that is set.": (
        "用 agent.toml 中 CAMERA 的设置分析录像 FILE，快于实时。\n\n同一文件每次结果相同。有设置无法执行时返回 1。"
    ),
    "Write a copy with what was seen drawn into it.": "写出绘有分析结果的副本。",
    "One JSON object a sighting.": "每个发现一行 JSON。",
    "Only so much of it.": "只分析这么长。",
    "Say how many alerts each rule made, what was said of them, and what to change. No agent needs to "
    "run.\n\nRates a day are over the time of which there are records, an hour at least; of few alerts in less than "
    "half\na day there is none.\n\n"
    "Only alerts with a verdict (`alarm review`, or how the alarm was closed) count for the false ones.": (
        "说明各规则的告警数、复核结果和调整建议。无需程序运行。\n\n每日次数按有记录的时长折算，至少一小时；不足半天且警报很少时不折算。\n\n"
        "只有有结论的告警（`alarm review`，或结束警情时的结果）计入误报率。"
    ),
    "How far back.": "回看多久。",
    "CSV of local times and a word each (2026-05-04T07:00,rain): alerts by weather, too.": (
        "CSV：每行“本地时间,天气”（2026-05-04T07:00,雨），另按天气统计警报。"
    ),
    "One JSON object a rule.": "每条规则一行 JSON。",
    "Show CAMERA live with what is seen in it, as a page on this machine. Ctrl-C ends it. No agent needs to run.": (
        "在本机页面实时显示 CAMERA 及分析结果。Ctrl-C 结束。无需程序运行。"
    ),
    "Of the page (default: a free one).": "页面端口（默认空闲端口）。",
    "Open the page.": "打开页面。",
    "Clips of alerts: sealed on the disk, signed, chained, erased in time.": (
        "告警录像：加密存盘、签名、成链、到期清除。"
    ),
    "Write a copy of EVIDENCE into a new folder of FOLDER. The running agent puts on record who takes it.\n\n"
    "Entered in the register of retrievals first (`audit list`), when nothing stands against it: if writing fails "
    "after\nthat, the entry stays and the folder does not.": (
        "将 EVIDENCE 副本写入 FOLDER 下的新文件夹。运行中的程序登记取走人。\n\n确认可行后先登记入调取登记簿"
        "（`audit list`）；此后若写入失败，登记保留，文件夹不保留。"
    ),
    "investigation: as it was recorded; publication: masked, faces and plates blurred.": (
        "investigation：原样；publication：遮挡隐私区域，人脸和车牌模糊。"
    ),
    "For publication: nothing is sharp but the place of the event.": "用于公布：除事发处外全部模糊。",
    "Keep EVIDENCE until it is released, whatever its age and however full the disk.": (
        "保全 EVIDENCE 直到解除，不论时间和磁盘空间。"
    ),
    "Show what is kept, the newest last, in the site's time. No agent needs to run.": (
        "列出留存的证据，最新的在后，时间为站点时间。无需程序运行。"
    ),
    "One JSON object a line.": "每行一个 JSON 对象。",
    "End a hold of EVIDENCE. When nobody holds it any more, its age and the room on the disk count again.": (
        "解除 EVIDENCE 的一项保全；无人保全时，恢复按期限和空间清除。"
    ),
    "Whose hold ends; without it your own.": "解除谁的保全；不写则为本人的。",
    "Print the signed manifest of EVIDENCE.": "输出 EVIDENCE 的签名清单。",
    "Check evidence: WHAT is an exported folder (then only --key is needed), one id, or nothing for all there "
    "is.\n\nNames what failed: a hash, the signature, the chain, the time. Exit status 0 only when the gateway's key "
    "vouches for\nall of it; a folder that is checked with the key that lies in it, and a masked copy, give 1.": (
        "校验证据：WHAT 为导出的文件夹（只需 --key）、一个编号，或不给则全部。\n\n指出不符之处：哈希、签名、链、"
        "时间。仅当全部由网关密钥证实时退出码为 0；用文件夹内自带的密钥校验，或为遮挡副本，退出码为 1。"
    ),
    "The gateway's public key (default: keys/gateway.pub, and those before it).": (
        "网关公钥（默认：keys/gateway.pub 及以前各把）。"
    ),
}
