"""Sentences about agent.toml and the other files an installer writes."""

WORDS: dict[str, tuple[str, str]] = {
    "config.missing_file": (
        "there is no such file; `edge-agent init DIR` writes a first one",
        "没有这个文件；可用 `edge-agent init DIR` 生成一份",
    ),
    "config.unreadable": ("cannot be read: {why}", "无法读取：{why}"),
    "config.not_toml": ("is not TOML: {why}", "不是有效的 TOML：{why}"),
    "config.not_utf8": (
        "line {line} is not UTF-8 (it looks like: {found}): save the file again as UTF-8, in the editor's “Save as”",
        "第 {line} 行不是 UTF-8 编码（疑似：{found}）：请用编辑器“另存为”，编码选择 UTF-8",
    ),
    "config.typographic": (
        "line {line}: {mark} is a typographic or full-width mark, which TOML does not know: write the plain one; "
        'quotes are " "',
        '第 {line} 行：{mark} 是中文（全角）符号，TOML 不识别：请改用英文半角符号；引号写成 " "',
    ),
    "config.bound": ("`{key}` must be {sign} {limit}", "`{key}` 必须 {sign} {limit}"),
    "config.bound_length": ("the length of `{key}` must be {sign} {limit}", "`{key}` 的长度必须 {sign} {limit}"),
    "config.unknown_key": (
        "unknown key `{key}`; known here: {known}",
        "未知的键 `{key}`；此处可用：{known}",
    ),
    "config.missing_key": ("`{key}` is missing; write {key} = …", "缺少 `{key}`；请写上 {key} = …"),
    "config.wrong_type": (
        "is a TOML {got}, and a {wanted} is needed; write {key} = {example}",
        "是 TOML 的 {got}，此处需要 {wanted}；请写成 {key} = {example}",
    ),
    "config.wrong_length": (
        "has {got} values, and {wanted} are needed",
        "有 {got} 个值，此处需要 {wanted} 个",
    ),
    "config.wrong_choice": (
        "{value} is not known here; choose from: {known}",
        "{value} 不可用；可选：{known}",
    ),
    "config.wrong_value": ("`{key}` cannot be used: {why}", "`{key}` 的值不可用：{why}"),
    "config.no_door": (
        "warning: there is none: this gateway opens nothing; `edge-agent init DIR` writes a file with one",
        "提示：没有 [[door]]：此网关不会打开任何门；可用 `edge-agent init DIR` 生成带门的配置",
    ),
    "config.not_a_table": ("must be a table ([{name}])", "必须是一个表（[{name}]）"),
    "config.not_tables": (
        "must be an array of tables; write [[{name}]] above each one",
        "必须是表的数组；请在每一项上方写 [[{name}]]",
    ),
    "config.duplicate": (
        "the {what} `{name}` is there twice; give each its own name",
        "{what} `{name}` 重复；请各取不同的名字",
    ),
    "config.bad_title": (
        "a title has {most} characters at most, on one line",
        "显示名最多 {most} 个字符，且不能换行",
    ),
    "config.title_twice": (
        "two doors would be read as `{title}`; give each a title of its own",
        "有两扇门都显示为 `{title}`；请各取不同的显示名",
    ),
    "config.no_such": (
        "there is no {what} named `{name}`; there are: {known}",
        "没有名为 `{name}` 的 {what}；现有：{known}",
    ),
    "config.bad_name": (
        "`{name}` is not a usable name; use letters, digits, `-`, `_` and `.`, 1 to 64 of them, "
        "beginning with a letter or digit",
        "`{name}` 不能用作名称；请用字母、数字、`-`、`_`、`.`，长度 1 到 64，以字母或数字开头",
    ),
    "config.bad_zone": (
        "`{name}` is not a time zone; use an IANA name such as Asia/Shanghai",
        "`{name}` 不是时区；请用 IANA 名称，例如 Asia/Shanghai",
    ),
    "config.bad_url": (
        "`{url}` is not an uplink address; write mqtts://host:8883 or mqtt://host:1883",
        "`{url}` 不是上行地址；请写 mqtts://host:8883 或 mqtt://host:1883",
    ),
    "config.gate_address": (
        "“address” is for a gate on an OSDP or Modbus line, which this one is not; leave it out",
        "“address” 仅用于 OSDP 或 Modbus 总线上的闸；请去掉",
    ),
    "config.sensor_address": (
        "“address” is for a sensor on a Modbus line, which this one is not; leave it out",
        "“address” 仅用于 Modbus 总线上的传感器；请去掉",
    ),
    "config.gate_key_file": (
        "“key_file” is for a gate on an OSDP line, which this one is not; leave it out",
        "“key_file” 仅用于 OSDP 总线上的闸；请去掉",
    ),
    "config.gate_fail": (
        "“fail” is for a gate on a Modbus line, which this one is not; leave it out",
        "“fail” 仅用于 Modbus 总线上的闸；请去掉",
    ),
    "config.gate_inverted": (
        "“inverted” is for a gate on a Modbus line, which this one is not; leave it out",
        "“inverted” 仅用于 Modbus 总线上的闸；请去掉",
    ),
    "config.gate_lines": (
        "“lines” is for a gate on GPIO lines, which this one is not; leave it out",
        "“lines” 仅用于 GPIO 上的闸；请去掉",
    ),
    "config.relay_twice": (
        "relay {relay} of address {address} on link `{link}` is {other}'s already; give each door its own",
        "链路 `{link}` 上地址 {address} 的继电器 {relay} 已属于 {other}；请为每个门指定各自的继电器",
    ),
    "config.link_settings": (
        "link `{link}`: {first} and {second} have different line settings; set both devices alike, or use two lines",
        "链路 `{link}`：{first} 与 {second} 的串口参数不同；请设为一致，或分用两条线路",
    ),
    "config.tls_without_mqtts": (
        "[uplink.tls] is given, and the url is not mqtts://; nothing would be encrypted",
        "写了 [uplink.tls]，但 url 不是 mqtts://，数据不会被加密",
    ),
    "config.link_twice": (
        "link `{other}` uses the same port {port}; one port is one link: put both devices on it, "
        "or give this one its own port",
        "链路 `{other}` 已占用端口 {port}；一个端口只能是一条链路：把设备接在同一链路上，或换一个端口",
    ),
    "config.link_mixed": (
        "link `{link}` already carries {first}; this device speaks {second} and needs its own link",
        "链路 `{link}` 已用于 {first}；本设备使用 {second}，需要单独的链路",
    ),
    "config.link_kind": (
        "link `{link}` is {url}, and profile `{profile}` needs another kind of link: gpio:// for GPIO lines, "
        "push:// for terminals that call over HTTP, a line for everything else",
        "链路 `{link}` 为 {url}，与配置 `{profile}` 不符：GPIO 线路用 gpio://，HTTP 推送的终端用 push://，其余用串行线路",
    ),
    "config.link_shared": (
        "link `{link}` already serves {other}, and a {protocol} line carries one device; use another link",
        "链路 `{link}` 已接 {other}；{protocol} 线路只能接一个设备，请换一条链路",
    ),
    "config.output_twice": (
        "this output of the device on link {link} already moves {other}: one output moves one door",
        "链路 {link} 上该设备的此输出已用于 {other}：一个输出只能控制一扇门",
    ),
    "config.address_twice": (
        "address {address} on link `{link}` is already {other}; every device on a bus has its own address",
        "链路 `{link}` 上的地址 {address} 已属于 {other}；同一总线上每个设备的地址必须不同",
    ),
    "config.device_missing": (
        "there is no device {path}; plugged in: {present}. Is the cable in, and may this user read it (group dialout)?",
        "没有设备 {path}；现有：{present}。线插好了吗？当前用户有权限吗（dialout 组）？",
    ),
    "config.camera_twice": (
        "{device} and {other} are one camera, which only one process can have: write one name of it everywhere",
        "{device} 与 {other} 是同一台摄像头，只能由一个进程使用：请统一写成同一个名称",
    ),
    "config.camera_missing": (
        "there is no camera {path}; plugged in: {present}. Is the cable in, and may this user read it (group video)?",
        "没有摄像头 {path}；现有：{present}。线插好了吗？当前用户有权限吗（video 组）？",
    ),
    "config.wrong_profile_kind": (
        "profile `{profile}` is a {kind}, and a {wanted} is needed here",
        "配置 `{profile}` 是 {kind}，此处需要 {wanted}",
    ),
    "config.face_only": (
        "a face alone must never be the only way in; add another with its reader: "
        'ways = [["card"], ["face"]] and a [[terminal]] at this door',
        '不得只凭人脸进入；请再加一种方式及其读卡器：ways = [["card"], ["face"]] 并在此门设 [[terminal]]',
    ),
    "config.agree": (
        "agree = {agree}, of = {of}: more frames would have to agree than are looked at",
        "agree = {agree}，of = {of}：要求一致的帧数多于所看的帧数",
    ),
    "config.banned_place": (
        "no camera and no face device may be in a place of this kind (`{place}`): take it away from there",
        "此类场所（{place}）禁止安装摄像头或人脸设备：请移除",
    ),
    "config.terminals_match": (
        "the engine `terminal` leaves faces to the terminals: take `face` out of camera {camera}, or choose the engine "
        "`onnx` or `dlib`",
        "引擎 `terminal` 仅由终端识别人脸：请从摄像头 {camera} 去掉 `face`，或改用引擎 `onnx`、`dlib`",
    ),
    "config.no_face_terminal": (
        "the engine is `terminal` and no terminal here matches faces: name one whose profile provides `face`",
        "引擎为 `terminal`，但没有能识别人脸的终端：请配置 provides 含 `face` 的终端",
    ),
    "config.faces_of_minors": (
        "a site of kind `{site}` has no faces unless guardians consent: take it out, or set "
        "faces.guardian_consent = true and enrol with --guardian only",
        "“{site}”类场所未经监护人同意不得使用人脸：请移除该设备，"
        "或设 faces.guardian_consent = true 并仅凭 --guardian 登记",
    ),
    "config.camera_url": (
        "`{url}` is not a camera address; write rtsp://, http://, v4l2:///dev/video0 or file://",
        "`{url}` 不是摄像头地址；请写 rtsp://、http://、v4l2:///dev/video0 或 file://",
    ),
    "config.camera_url_login": (
        "in the user, the password and the path of `{url}` write @ as %40, / as %2F, ? as %3F and # as %23, or put "
        "user:password into a file and name it as login_file",
        "`{url}` 的用户名、密码和路径中，@ 请写成 %40，/ 写成 %2F，? 写成 %3F，# 写成 %23；"
        "或把 用户名:密码 写入文件，并用 login_file 指明该文件",
    ),
    "config.camera_url_host": (
        "`{url}` names a host where a path belongs: write file:/// and the full path of the file",
        "`{url}` 写成了主机名：请写 file:/// 加文件的完整路径",
    ),
    "config.camera_url_port": (
        "the port in `{url}` is none: write a number from 1 to 65535 behind the host, or nothing for the usual port",
        "`{url}` 的端口无效：主机后请写 1 到 65535 的数字，不写则用默认端口",
    ),
    "config.camera_device": (
        "`{url}` is no camera of this machine; write v4l2:///dev/v4l/by-id/… or v4l2:///dev/video0, and ?size=1280x720 "
        "behind it for another size",
        "`{url}` 不是本机摄像头；请写 v4l2:///dev/v4l/by-id/… 或 v4l2:///dev/video0，"
        "需要其他分辨率时在后面加 ?size=1280x720",
    ),
    "config.camera_device_twice": (
        "{device} is named before with another size; one device has one size: write the same url",
        "{device} 在前面已用另一分辨率写过；一台设备只有一种分辨率：请写相同的 url",
    ),
    "config.file_missing": (
        "there is no file {path}; put it there or correct the name "
        "(`edge-agent keys init` makes the gateway's own keys)",
        "没有文件 {path}；请放入该文件或更正文件名（网关自己的密钥用 `edge-agent keys init` 生成）",
    ),
    "config.no_way": (
        'door has no way in; write ways = [["card"]]',
        '此门没有任何通行方式；请写 ways = [["card"]]',
    ),
    "config.area_to_itself": (
        "the door leads from area `{name}` into the same area; name where it comes from, or leave from_area out",
        "此门从区域 `{name}` 通向同一区域；请写明 from_area，或删去该项",
    ),
    "config.prealarm": (
        "the warning ({prealarm} s before) must be shorter than open_s ({open} s)",
        "预警时间（提前 {prealarm} 秒）必须短于 open_s（{open} 秒）",
    ),
    "config.bad_time": (
        '`{found}` is no time of day; write it as "04:00"',
        '`{found}` 不是有效时刻；请写成 "04:00"',
    ),
    "config.limits": (
        "at most {most} people and at least {least}: the one excludes the other",
        "最多 {most} 人而最少 {least} 人：两者矛盾",
    ),
    "config.interlock_alone": (
        "interlock `{name}` needs at least two different doors",
        "互锁组 `{name}` 至少需要两扇不同的门",
    ),
    "config.camera_no_door": (
        'a camera with use = ["face"] or expect_face looks at a door: name it with door = "…"',
        '用于人脸（use = ["face"]）或 expect_face 的摄像头须指明所对的门：door = "…"',
    ),
    "config.wall_alone": (
        'wall needs alerts beside it: use = ["alerts", "wall"]; the process that watches the camera makes the picture',
        'wall 需与 alerts 同用：use = ["alerts", "wall"]；画面由监看该摄像头的进程提供',
    ),
    "config.camera_unwatched": (
        'nothing watches camera `{camera}`, whose `use` has no alerts: add it there, use = ["alerts", …]',
        '摄像头 `{camera}` 的 use 中没有 alerts，不会被监看：请加上 use = ["alerts", …]',
    ),
    "config.deterrent_silent": (
        'only alarms switch it on, and {kind} is none: take it out, or write an [[alert]] with kinds = ["{kind}"] and '
        'level = "alarm"',
        '只有报警（alarm）才会启动，而 {kind} 不是：请去掉，或写一条 kinds = ["{kind}"]、level = "alarm" 的 [[alert]]',
    ),
    "config.camera_mask": (
        "a mask is a polygon: at least three corners as x, y, x, y, … in parts of the picture, each 0 to 1",
        "遮挡区为多边形：至少三个角点，写作 x, y, x, y, …，为画面比例，各在 0 与 1 之间",
    ),
    "config.camera_mask_small": (
        "the mask hides nothing, its corners lie on a line; give them in the order in which one walks around what is "
        "to be hidden",
        "该遮挡区没有面积，角点几乎在一条线上；请按绕被遮挡处一周的顺序给出角点",
    ),
    "config.camera_login": (
        "{path} should be one line of UTF-8 text, user:password",
        "{path} 应为一行 UTF-8 文本：用户名:密码",
    ),
    "config.face_without_camera": (
        'the door opens to a face, and no [[camera]] with use = ["face"] looks at it',
        '此门可凭人脸通行，但没有 use = ["face"] 的 [[camera]] 对着它',
    ),
    "config.camera_without_face": (
        'camera reads faces for door `{door}`, whose ways name no face; add ["face"] to its ways',
        '摄像头为门 `{door}` 识别人脸，但该门的 ways 没有 face；请加上 ["face"]',
    ),
    "config.no_key": (
        'an OSDP reader needs a key: key_file = "keys/{name}.key" (32 hex digits). '
        "`edge-agent keys osdp keys/{name}.key` makes one",
        'OSDP 读卡器需要密钥：key_file = "keys/{name}.key"（32 位十六进制）。'
        "可用 `edge-agent keys osdp keys/{name}.key` 生成",
    ),
    "config.file_locked": (
        "the user {user} may not read {path}: if the agent runs as {user}, run: sudo chown {user} {at} && sudo chmod "
        "u+rX {at}; if it does not, run this as its user. Nothing has to be made anew",
        "用户 {user} 无权读取 {path}：若程序以 {user} 运行，请执行：sudo chown {user} {at} && sudo chmod u+rX {at}；"
        "否则请以程序的用户执行本命令。无需重新生成该文件",
    ),
    "config.key_missing": (
        "the key file {path} is not there; {remedy}",
        "没有密钥文件 {path}；{remedy}",
    ),
    "config.bad_key": (
        "{path} is not an OSDP key: it must hold 32 hex digits and nothing else",
        "{path} 不是 OSDP 密钥：应只含 32 位十六进制数字",
    ),
    "config.default_key": (
        "{path} holds the public default key SCBK-D; make a key of your own",
        "{path} 是公开的默认密钥 SCBK-D；请生成自己的密钥",
    ),
    "config.no_site": (
        "there is no site kind `{site}` in {folder}; there are: {known}",
        "{folder} 中没有场所类型 `{site}`；现有：{known}",
    ),
    "config.bad_span": (
        '`{start}`–`{end}` is not a span; write start = "06:00", end = "22:00" '
        "(an end before its start runs over midnight)",
        '`{start}`–`{end}` 不是时间段；请写 start = "06:00", end = "22:00"（结束早于开始表示跨过午夜）',
    ),
    "config.patrol_nowhere": (
        "nobody could ever do the patrol point {name}: give it a terminal, a button or a tag",
        "巡更点 {name} 无法打卡：请指定 terminal、button 或 tag",
    ),
    "config.patrol_never": (
        "the route {name} is never walked: it needs points, times (HH:MM) and days (1 to 7)",
        "路线 {name} 永远不会执行：需要 points、times（HH:MM）和 days（1–7）",
    ),
    "config.range": ("`{key}` must be between {low} and {high}", "`{key}` 必须在 {low} 与 {high} 之间"),
    "config.second_line": (
        "warning: at the door {door} only the line {first} is held against the grants (tailgating, wrong way through): "
        "{line} would count the same people again",
        "提示：门 {door} 只用线 {first} 与放行记录比对（尾随、逆向通行）：线 {line} 会把同一个人再数一次",
    ),
    "config.alert_of_nothing": (
        "warning: nothing in this file raises an alert of this kind there ({why}): no zone, line, facade or door "
        "watches for it",
        "提示：此处没有任何配置会产生这类告警（{why}）：没有区域、线、外墙或门检测它",
    ),
    "config.alert_taken": (
        "warning: this rule never counts, the first that fits does: {names} takes all that it is for; put it before",
        "提示：此规则永远不生效，先匹配到的规则生效：它管的告警都已被 {names} 匹配；请移到前面",
    ),
    "config.alert_of_no_camera": (
        "warning: nothing in this file raises an alert that this rule is for",
        "提示：没有任何配置会产生此规则所管的告警",
    ),
    "config.deterrent_idle": (
        "warning: nothing in this file raises an alarm that switches it on",
        "提示：没有任何配置会产生能启动它的报警",
    ),
    "config.deterrent_of_nothing": (
        "warning: nothing in this file raises an alarm of this kind there ({why})",
        "提示：此处没有任何配置会产生这类报警（{why}）",
    ),
    "config.begun_long_ago": (
        "warning: {why} is told after {wait_s:g} s, and its clip begins at most {most_s:g} s before that: how it began "
        "is not in it",
        "提示：{why}在 {wait_s:g} 秒后才告警，录像最多从告警前 {most_s:g} 秒开始：事情的开头不在录像里",
    ),
    "config.no_entry": (
        'warning: no [[terminal]] with direction = "in" at this door; only the city can open it from outside',
        '提示：此门没有 direction = "in" 的 [[terminal]]；从外面只能由平台远程开门',
    ),
    "config.no_exit": (
        "warning: there is a terminal on the way out and no exit button (gate.exit); "
        "who has no known card can only leave by the mechanical release",
        "提示：有出门读卡器但没有出门按钮（gate.exit）；没有有效卡的人只能用机械方式开门离开",
    ),
}
