"""Sentences of `edge-agent device` and `edge-agent profile`: short, for a narrow terminal."""

WORDS: dict[str, tuple[str, str]] = {
    # which port
    "device.no_port": (
        "there is no port {port}; there are: {there}",
        "没有串口 {port}；现有：{there}",
    ),
    "device.no_port_or_link": (
        "there is no port {port}; there are: {there}. If it is a link's name, mend agent.toml first: {why}",
        "没有串口 {port}；现有：{there}。若是链路名，请先修正 agent.toml：{why}",
    ),
    "device.agent_has": (
        "the running agent has this port: link {link}, {users}. Stop the agent first (systemctl stop edge-agent)",
        "该串口正由运行中的程序使用：链路 {link}，{users}。请先停止程序（systemctl stop edge-agent）",
    ),
    "device.without_config": ("without agent.toml: {why}", "未使用 agent.toml：{why}"),
    # list
    "device.serial": ("Serial ports", "串口"),
    "device.none_serial": ("none; is the adapter plugged in?", "无；适配器是否已插好？"),
    "device.gpio": ("GPIO chips", "GPIO 芯片"),
    "device.network": ("Network", "网络"),
    "device.cameras": ("Cameras", "摄像头"),
    "device.camera_used": ("camera {cameras}", "摄像头 {cameras}"),
    "device.camera_unused": (
        'not in agent.toml; written there: url = "v4l2://{path}"',
        '未写入 agent.toml；写法：url = "v4l2://{path}"',
    ),
    "device.camera_missing": ("missing: {path} (camera {camera})", "缺少：{path}（摄像头 {camera}）"),
    "device.used": ("link {link}: {users}", "链路 {link}：{users}"),
    "device.unused": ("not in agent.toml", "未写入 agent.toml"),
    "device.nobody": ("nobody uses it", "无设备使用"),
    "device.held": ("open in {program} (pid {pid})", "已被 {program} 打开（pid {pid}）"),
    "device.twin": (
        "another adapter looks just the same: this name is its USB socket, keep it there",
        "另有外观相同的适配器：此名称对应 USB 插口，请勿换插口",
    ),
    "device.unstable": (
        "agent.toml says {named}, which may be another adapter after the next start: write the name above",
        "agent.toml 中写的是 {named}，重启后可能变成另一适配器：请改用上面的名称",
    ),
    "device.missing": ("missing: {path} (link {link}: {users})", "缺少：{path}（链路 {link}：{users}）"),
    "device.all_there": ("everything agent.toml names is there", "agent.toml 中的设备均已就绪"),
    # address
    "device.address_ask": (
        "The board at address {old} on {url} gets the address {new}. Go on?",
        "将把 {url} 上地址 {old} 的板子改为地址 {new}，继续吗？",
    ),
    "device.address_ask_all": (
        "EVERY board on {url} gets the address {new}: is yours the only one on the line?",
        "{url} 上的所有板子都会改为地址 {new}：线路上确实只有这一块吗？",
    ),
    "device.address_not": ("nothing was changed", "未作任何更改"),
    "device.address_done": ("done: it answers at address {new}", "已完成：板子在地址 {new} 应答"),
    "device.address_doors": (
        "write address = {new} into the gate of: {doors}",
        "请在以下门的 gate 中写入 address = {new}：{doors}",
    ),
    "device.address_fixed": (
        "{profile}: its address cannot be set over the line; it has switches or a jumper for that",
        "{profile}：不能通过线路设置地址；请用板上的拨码开关或跳线",
    ),
    "device.address_same": ("it has the address {address} already", "地址已经是 {address}"),
    "device.address_both": ("--broadcast asks no address: leave --from out", "--broadcast 不需要地址：请去掉 --from"),
    "device.address_nobody": (
        "nobody answers at address {address} and {baud} baud, or several at once: check wiring and power, "
        "leave one board on the line, and find it with `edge-agent device probe`",
        "地址 {address}、{baud} 波特没有应答，或有多块板子同时应答：请检查接线和电源，线路上只留一块，"
        "并用 `edge-agent device probe` 查找",
    ),
    "device.address_taken": (
        "somebody answers at address {address} already: choose another one",
        "地址 {address} 已有设备应答：请另选地址",
    ),
    "device.address_stayed": (
        "it still answers at {old}: some take the new address when they are switched on again; do that, then "
        "`edge-agent device probe`. Alone on the line, try --broadcast",
        "它仍在地址 {old} 应答：有的板子要断电重启后才生效，重启后用 `edge-agent device probe` 检查；"
        "若线路上只有它，可试 --broadcast",
    ),
    "device.address_lost": (
        "it does not answer at {new}: switch it off and on, and find it with `edge-agent device probe`",
        "地址 {new} 没有应答：请断电重启，并用 `edge-agent device probe` 查找",
    ),
    # probe
    "device.listening": (
        "listening at {speeds} baud, {s:g} s each: hold a card to the reader all the while",
        "正在监听 {speeds} 波特，各 {s:g} 秒：请一直把卡放在读卡器上",
    ),
    "device.heard": ("{baud} baud: {count} bytes", "{baud} 波特：{count} 字节"),
    "device.asking": (
        "asking who is there (nothing that moves or changes anything)",
        "正在询问设备（不会产生动作或修改设置）",
    ),
    "device.master": (
        "somebody else asks on this line already: nothing was sent",
        "线路上已有其他主机在询问：未发送任何数据",
    ),
    "device.echoes": ("the line sends back what goes out on it", "线路会回送发出的数据"),
    "device.profile_left_out": ("{profile} is left out: {why}", "已略过 {profile}：{why}"),
    "device.no_profile": ("no profile here", "尚无对应配置"),
    "device.level.sure": ("sure", "确定"),
    "device.level.likely": ("likely", "很可能"),
    "device.level.possible": ("possible", "可能"),
    "device.why_heard": (
        "{messages} messages heard, {errors} errors",
        "收到 {messages} 条报文，{errors} 个错误",
    ),
    "device.why_heard_osdp": ("OSDP heard, reader {address}", "听到 OSDP，读卡器地址 {address}"),
    "device.why_osdp": ("answers OSDP at address {address}", "地址 {address} 有 OSDP 应答"),
    "device.why_osdp_id": (
        "OSDP at address {address}: vendor {vendor}, model {model}.{version}, serial {serial}",
        "OSDP 地址 {address}：厂商 {vendor}，型号 {model}.{version}，序列号 {serial}",
    ),
    "device.why_modbus": (
        "Modbus at address {address}, answers function {function}; the label on the board says which one it is",
        "Modbus 地址 {address}，支持功能码 {function}；具体型号见板上标签",
    ),
    "device.why_modbus_refused": (
        "Modbus at address {address}, but not function {function}",
        "Modbus 地址 {address}，但不支持功能码 {function}",
    ),
    "device.why_sdt": ("an ID-card reading module answers", "身份证阅读模块有应答"),
    "device.why_gate": ("answers the state query of this board", "对该板的状态查询有应答"),
    "device.found_nothing": (
        "nothing known answers at {speeds} baud. Check power and ground, swap A and B, hold a card to the reader "
        "meanwhile, try --baud or --address; `device sniff` shows what comes",
        "在 {speeds} 波特下没有已知设备应答。请检查供电和地线，对调 A、B，探测时持续放卡，"
        "或加 --baud、--address；`device sniff` 可查看收到的数据",
    ),
    # sniff, record, replay
    "device.sniffing": (
        "listening on {port}, {baud} baud, parity {parity}; Ctrl-C ends it. Card numbers are shown: show nobody",
        "正在监听 {port}，{baud} 波特，校验 {parity}；按 Ctrl-C 结束。屏幕会显示卡号，请勿外传",
    ),
    "device.sniffed": ("{count} pieces", "共 {count} 段"),
    "device.sniffed_none": (
        "nothing came: check power, ground and A/B, show a card, try another --baud",
        "没有收到数据：请检查供电、地线和 A/B，刷一次卡，或换用其他 --baud",
    ),
    "device.incomplete": ("…", "…"),
    "device.recording": (
        "recording {port}, {baud} baud, parity {parity}, into {file}; Ctrl-C ends it. Use test cards",
        "正在录制 {port}，{baud} 波特，校验 {parity}，写入 {file}；按 Ctrl-C 结束。请使用测试卡",
    ),
    "device.recorded": (
        "{count} pieces in {file}; card numbers are in it, give it to nobody",
        "已写入 {count} 段到 {file}；其中含有卡号，请勿外传",
    ),
    "device.file_there": ("{file} is there already: choose another name", "{file} 已存在：请换一个名称"),
    "device.file_not_made": ("{file} cannot be made: {why}", "无法创建 {file}：{why}"),
    "device.no_file": ("there is no file {file}", "没有文件 {file}"),
    "device.file_unreadable": ("{file} cannot be read: {why}", "无法读取 {file}：{why}"),
    "device.capture_first": (
        "no recording: the first line must be “{first}”",
        "不是录制文件：第一行应为 “{first}”",
    ),
    "device.capture_line": (
        "must be seconds, < or >, and bytes in hexadecimal: 0.104 < 02 30 03   # comment",
        "应为 秒数、< 或 >、十六进制字节：0.104 < 02 30 03   # 注释",
    ),
    "device.capture_back": ("the time goes back", "时间倒退"),
    "device.waiting": ("waiting for somebody to open {pty}", "等待程序打开 {pty}"),
    "device.replayed": ("{count} pieces played", "已播放 {count} 段"),
    "device.replay_cut": (
        "whoever listened went away after {count} pieces",
        "播放 {count} 段后对方关闭了端口",
    ),
    # test
    "device.no_such": (
        "there is no terminal or door “{name}”; there are: {known}",
        "没有终端或门 “{name}”；现有：{known}",
    ),
    "device.test_running": (
        "the agent is running and has the line. Either `edge-agent door open {door}`, which is on record, or stop it "
        "first (systemctl stop edge-agent)",
        "程序正在运行并占用线路。请用 `edge-agent door open {door}`（有记录），"
        "或先停止程序（systemctl stop edge-agent）",
    ),
    "device.test_wait": ("calling {name} …", "正在连接 {name} …"),
    "device.test_ready": ("{name} answers", "{name} 已应答"),
    "device.test_away": ("{name} is not there: {why}", "{name} 无法使用：{why}"),
    "device.no_answer": ("no answer; check power and cable", "没有应答；请检查供电和线缆"),
    "device.test_shown": ("Did it show “{what}”?", "是否显示了“{what}”？"),
    "device.test_shows": ("shows “{what}”", "正在显示“{what}”"),
    "device.shown.granted": ("welcome", "放行"),
    "device.shown.denied": ("refused", "拒绝"),
    "device.shown.fault": ("fault", "故障"),
    "device.shown.pin_wanted": ("type your PIN", "请输密码"),
    "device.shown.waiting": ("please wait", "请等待"),
    "device.shown.close_door": ("close the door", "请关门"),
    "device.shown.warning": ("warning: gas or the like", "警告：气体等超限"),
    "device.shown.alarm": ("alarm: gas or the like, leave", "警报：气体等严重超限，请撤离"),
    "device.shown.face_nearer": ("come nearer", "请靠近"),
    "device.shown.face_centre": ("stand in the middle", "请站到中间"),
    "device.shown.face_front": ("look at the camera", "请正视镜头"),
    "device.shown.face_light": ("more light", "光线不足或过强"),
    "device.shown.face_still": ("stand still", "请勿移动"),
    "device.shown.face_alone": ("one person at a time", "请逐一通过"),
    "device.shown.face_again": ("try again", "请重试"),
    "device.test_card": (
        "show it a test card, or what else it reads ({s:g} s)",
        "请出示测试卡或其可识别的内容（{s:g} 秒）",
    ),
    "device.test_no_card": ("nothing was read", "没有读到任何内容"),
    "device.test_read": ("card read, {bits} bits", "已读卡，{bits} 位"),
    "device.test_keys": ("keys were typed", "收到按键"),
    "device.test_other": ("read", "已读取"),
    "device.test_unreadable": ("read, but not understood: {why}", "已读取但无法识别：{why}"),
    "device.test_move": (
        "{door} will be unlocked for {s:g} s now. Is nobody in the way?",
        "{door} 即将开锁 {s:g} 秒。附近是否无人？",
    ),
    "device.not_moved": ("{door} was not moved", "{door} 未动作"),
    "device.nobody_answers": (
        "not done: nobody answers; a program says --yes",
        "未执行：无人回答；程序调用请加 --yes",
    ),
    "device.test_input": ("reports: {what}", "状态：{what}"),
    "device.test_relay_still": ("the relay did not switch: check the board's power", "继电器没有动作：请检查板卡供电"),
    "device.test_relay_stuck": (
        "the relay did not drop out in time: the door may be open",
        "继电器没有按时释放：门可能未锁",
    ),
    "device.test_not_locked": ("{door} could not be locked: look at it", "{door} 未能上锁：请现场查看"),
    "device.test_good": ("{name}: good", "{name}：正常"),
    "device.test_failed": ("{name}: not good, see above", "{name}：有问题，见上"),
    "device.stop": (
        "the agent runs: stop it first (systemctl stop edge-agent)",
        "程序正在运行：请先停止（systemctl stop edge-agent）",
    ),
    "device.test_measured": ("measures {what}: {level}", "测得 {what}：{level}"),
    "device.measured.normal": ("normal", "正常"),
    "device.measured.warning": ("warning", "警告"),
    "device.measured.alarm": ("alarm", "警报"),
    "device.measured.fault": ("it cannot be believed: sensor or wire", "不可信：传感器或线路故障"),
    "device.test_placed": (
        "is at {latitude:.5f}, {longitude:.5f} (WGS-84), {satellites} satellites",
        "位置 {latitude:.5f}, {longitude:.5f}（WGS-84），卫星 {satellites} 颗",
    ),
    "device.test_document": ("put an ID card on it ({s:g} s)", "请放上身份证（{s:g} 秒）"),
    "device.no_document": ("no card was read", "没有读到证件"),
    "device.test_read_document": ("read: {number}", "已读：{number}"),
    "device.doubt.check_digit": ("doubtful: the number's check digit is wrong", "存疑：号码校验位不符"),
    "device.doubt.birth": ("doubtful: birth date and number differ", "存疑：出生日期与号码不符"),
    "device.doubt.dates": ("doubtful: the dates of validity are none", "存疑：有效期限不是日期"),
    "device.input.contact_open": ("door open", "门已开"),
    "device.input.contact_closed": ("door closed", "门已关"),
    "device.input.exit_pressed": ("exit button pressed", "出门按钮按下"),
    "device.input.relay_on": ("relay on", "继电器吸合"),
    "device.input.relay_off": ("relay off", "继电器释放"),
    "device.input.fire_on": ("fire input on", "消防输入触发"),
    "device.input.fire_off": ("fire input off", "消防输入恢复"),
    "device.input.panic_on": ("panic button pressed", "紧急按钮按下"),
    "device.input.panic_off": ("panic button released", "紧急按钮恢复"),
    "device.input.tamper_on": ("housing open", "机壳打开"),
    "device.input.tamper_off": ("housing closed", "机壳关闭"),
    "device.input.input_cut": ("a loop is cut", "回路断线"),
    "device.input.input_shorted": ("a loop is shorted", "回路短路"),
    "device.input.input_normal": ("a loop is well again", "回路恢复"),
    # profile
    "profile.good": ("{file}: good, {examples} examples", "{file}：正常，示例 {examples} 个"),
    "profile.bad": ("{bad} of {count} profiles are wrong", "{count} 份配置中 {bad} 份有误"),
    "profile.list_bad": ("wrong: {why}", "有误：{why}"),
    "profile.show_maturity": ("{kind} · {maturity} · {source}", "类别 {kind} · {maturity} · 来源 {source}"),
    "profile.show_wire": (
        "{baud} baud, parity {parity}; framing {framing}",
        "{baud} 波特，校验 {parity}；帧格式 {framing}",
    ),
    "profile.show_checksum": ("checksum: {checksum}", "校验和：{checksum}"),
    "profile.show_provides": ("provides: {provides}", "功能：{provides}"),
    "profile.show_message": ("says {name}: {fields}", "报文 {name}：{fields}"),
    "profile.show_command": ("understands {name}: {fields}", "命令 {name}：{fields}"),
    "profile.show_feedback": ("shows: {outcomes}", "提示：{outcomes}"),
    "profile.bad_id": (
        "“{id}” is no id: write a folder and a name in small letters, as readers/acme-100",
        "“{id}” 不是有效编号：请写小写的 目录/名称，如 readers/acme-100",
    ),
    "profile.bad_settings": (
        "{file}: baud or parity in the recording's head is wrong",
        "{file}：录制文件头中的 baud 或 parity 不正确",
    ),
    "profile.no_draft": (
        "{file}: no known framing fits. Record at the right speed (`device probe`), three cards one after another with "
        "a pause; else the framing is a new kind",
        "{file}：没有合适的帧格式。请用正确的速率（`device probe`）录制，依次刷三张卡并间隔片刻；否则需要新增帧格式",
    ),
    "profile.drafted": (
        "{path}: framing {framing}, checksum {checksum}; {frames} frames understood, {errors} not",
        "{path}：帧格式 {framing}，校验和 {checksum}；识别 {frames} 帧，未识别 {errors} 处",
    ),
    "profile.few_frames": (
        "only few different frames: record more cards before you trust it",
        "不同的帧太少：请录制更多卡后再采用",
    ),
    "profile.no_checksum": (
        "no known checksum fits: if the manual names one, enter it",
        "没有匹配的校验和：若手册中有说明请补上",
    ),
    "profile.draft_private": (
        "its examples hold the numbers of the recorded cards: publish it only with test cards",
        "示例中含有录制时的卡号：只有测试卡才可公开",
    ),
    "profile.draft_note": ("Drafted from a recording.", "由录制数据生成的草稿。"),
    "profile.draft_look": (
        "Look at: fields, card_bits, provides, feedback; raise maturity only after a test.",
        "请核对：fields、card_bits、provides、feedback；测试后才可提升 maturity。",
    ),
}
