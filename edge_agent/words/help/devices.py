"""What every command has; installation, devices, profiles, doors and alarms."""

HELP: dict[str, str] = {
    # everywhere
    "Show this message and exit.": "显示本帮助。",
    "The gateway's configuration.": "网关配置文件。",
    "The state directory (default: gateway.state of the configuration).": "状态目录（默认：配置中的 gateway.state）。",
    "One JSON document.": "输出一个 JSON 文档。",
    "Who answers for it (default: the login name).": "操作人（默认：登录名）。",
    "The reason, for the record.": "原因，写入记录。",
    "Do not ask.": "不再询问。",
    "Ask nothing.": "不再询问。",
    "Say what is wrong with the configuration and the device profiles.": "检查配置和设备配置文件中的错误。",
    "Show the version and exit.": "显示版本。",
    "Language of the output (default: the locale's).": "输出语言（默认随系统）。",
    "One simulated estate working: card and face at the gate, events in the city's database.": (
        "演示：模拟小区，门口刷卡和刷脸，事件进入城市平台数据库。"
    ),
    "Make and look after keys.": "生成和管理密钥。",
    "People and their credentials.": "人员及其凭证。",
    "Faces: enrolment, with consent.": "人脸：经同意后登记。",
    "Face recognition: how good it is.": "人脸识别：准确度评估。",
    "Face models: detector, embedder, liveness.": "人脸模型：检测、特征、活体。",
    "Who may pass where and when, and why.": "谁、何时、何处可通行，以及原因。",
    "Look at the journal.": "查看事件记录。",
    "The city's side of the contract.": "城市平台侧。",
    "Write a first agent.toml into FOLDER.": "在 FOLDER 中生成初始 agent.toml。",
    "Run the agent until it is told to stop.": "运行程序，直到被要求停止。",
    # device
    "Devices at the gateway's ports: list, probe, sniff, record, replay, test, address, osdp-provision.": (
        "网关各端口上的设备：列出、探测、监听、录制、回放、测试、设置地址、写入 OSDP 密钥。"
    ),
    "Show serial ports, GPIO chips, network links and cameras, who uses them, and what of agent.toml is not there.": (
        "列出串口、GPIO 芯片、网络链路和摄像头，谁在使用，以及 agent.toml 中缺少哪些。"
    ),
    "Find out which profile fits the device at PORT: a path, a link's name or a URL.\n\nListens first. Then it asks "
    "only what moves no relay and changes no setting: who are you, what is your state.": (
        "判断 PORT（路径、链路名或 URL）上的设备适用哪个配置。\n\n"
        "先监听，然后只发送不会产生动作、不修改设置的询问：身份和状态。"
    ),
    "Only this speed; repeatable.": "只用此波特率；可多次给出。",
    "Parity (default: none).": "校验（默认：无）。",
    "Only this; repeatable.": "只用此地址；可多次给出。",
    "How long to listen at each speed.": "每个波特率监听多久。",
    "Only listen, ask nothing.": "只监听，不询问。",
    "Show the bytes that arrive at PORT, with the time, and beside them what they mean. Sends nothing.": (
        "显示 PORT 收到的字节、时间及其含义。不发送任何数据。"
    ),
    "Speed (default: the link's or 9600).": "波特率（默认：链路的或 9600）。",
    "How long: 30s, 5m (default: until Ctrl-C).": "多久：30s、5m（默认：到 Ctrl-C 为止）。",
    "Also show what the bytes mean to this profile.": "同时按此配置解码。",
    "Write what arrives at PORT into FILE, with its times. Sends nothing. Use test cards: their numbers are in it.": (
        "把 PORT 收到的内容连同时间写入 FILE。不发送任何数据。请用测试卡：卡号会写入文件。"
    ),
    "What is recorded: the device, its firmware, what was done.": "录制说明：设备、固件、做了什么。",
    "Write over FILE.": "覆盖 FILE。",
    "Play the recording FILE, at its own pace: through a profile's decoder, or on a pty that somebody opens.": (
        "按原速回放 FILE：送入某配置的解码器，或在一个 pty 上播放。"
    ),
    "Be the recorded device at this path.": "在此路径上充当被录制的设备。",
    "Show what the bytes mean to this profile.": "按此配置解码。",
    "Without the pauses.": "不保留停顿。",
    "With --pty: begin so long after it was opened.": "配合 --pty：打开后多久开始。",
    "Try out a terminal (LEDs, beeps, a card), a door (inputs, relay; asks before it moves), a sensor (what it\n"
    "measures) or a desk (an ID card). The agent must be stopped; while it runs use `edge-agent door open`.": (
        "测试终端（灯、蜂鸣、刷卡）、门（输入、继电器；动作前会询问）、传感器（测量值）或登记台（身份证）。"
        "须先停止程序；运行中请用 `edge-agent door open`。"
    ),
    "Ask nothing: move the door, take what was shown as seen.": "不询问：直接动作，提示视为已确认。",
    "How long to wait for a test card; 0 for none.": "等待测试卡多久；0 表示不等。",
    "Change the address of a Modbus board at PORT: a path, a link's name or a URL.\n\nFirst it asks who answers at "
    "both addresses, then it wants a y. The agent must be stopped.": (
        "修改 PORT（路径、链路名或 URL）上 Modbus 板的地址。\n\n"
        "先询问两个地址有谁应答，再要求输入 y 确认。须先停止程序。"
    ),
    "The board's, such as gates/waveshare-8d.": "板子的配置，如 gates/waveshare-8d。",
    "Its address now (default: as it is shipped).": "当前地址（默认：出厂地址）。",
    "Its new address.": "新地址。",
    "Tell whoever is on the line; the board must be alone there.": "广播给线路上所有设备；只能接这一块板。",
    "Change a device from the default key to a fresh one and write it to KEY_FILE.\n\nThe device must be in its "
    "installation mode and the daemon stopped: the port is used alone. Run it at the device,\nwith nobody else on the "
    "wire: whoever listens while the default key is in use learns the new one.": (
        "把设备从默认密钥改为新密钥，并写入 KEY_FILE。\n\n设备须处于安装模式，程序须停止：串口需独占。请在设备旁操作，"
        "线路上不得有他人：使用默认密钥期间，监听者会得到新密钥。"
    ),
    "Where it is: serial:///dev/serial/by-id/…, tcp://host:port or sim://name.": (
        "设备位置：serial:///dev/serial/by-id/…、tcp://主机:端口 或 sim://名称。"
    ),
    "Its address on the bus.": "总线地址。",
    "Where the link does not say.": "链路未指定时使用。",
    "How long the default key is taken, at most.": "最多接受默认密钥多久。",
    "Of sim:// links.": "sim:// 链路的目录。",
    # profile
    "Device profiles: check, list, show, draft a new one from a recording.": (
        "设备配置：检查、列出、显示，或由录制生成草稿。"
    ),
    "Say everything that is wrong with each FILE, with its line; its examples are decoded whole, split at every byte,\n"
    "byte by byte and between garbage. Ends with 1 when one is wrong.": (
        "列出每个 FILE 的所有错误及行号；示例按整帧、逐处切分、逐字节和夹杂乱码解码。有错时以 1 结束。"
    ),
    "Show all profiles there are.": "列出所有配置。",
    "Draft the profile of a reader from recorded frames: framing and checksum are guessed, the frames become its\n"
    "examples. Record some different cards first, test cards: their numbers are in the file.": (
        "由录制的帧生成读卡器配置草稿：推测帧格式和校验，录制的帧成为示例。请先录几张不同的测试卡：卡号会写入文件。"
    ),
    "A `device record` file.": "`device record` 录制的文件。",
    "Its place and name, as readers/acme-100.": "目录与名称，如 readers/acme-100。",
    "What people call the device (default: the id's).": "设备名称（默认取自 id）。",
    "The folder of profiles it is written into.": "写入的配置目录。",
    "Show what a profile says: wire, framing, messages, what it can do, and where its facts come from.": (
        "显示配置内容：线路、帧格式、报文、功能及依据。"
    ),
    # door, alarm
    "Open, hold and lock doors, now and by hand. The agent must be running.": (
        "手动立即开门、保持或上锁。程序须在运行。"
    ),
    "Let those pass who wait at DOOR for the guard's consent.": "放行在 DOOR 等待保安同意的人。",
    "Let nobody in at DOOR, card or not; leaving and fire release go on.": (
        "DOOR 禁止任何人进入，刷卡也不行；外出和消防释放不受影响。"
    ),
    "How long: 90s, 30m, 2h (default: until taken back).": "多久：90s、30m、2h（默认：直到取消）。",
    "Every door.": "所有门。",
    "Lock DOOR for the night: nobody is let in, card or not.": "DOOR 夜间反锁：任何人不得进入，刷卡也不行。",
    "End the evacuation through DOOR before its time.": "提前结束 DOOR 的疏散。",
    "End the lockdown of DOOR before its time.": "提前结束 DOOR 的紧急封锁。",
    "Open DOOR for everybody to leave, lockdown or not. Asks first.": "打开 DOOR 供所有人撤离，封锁时也有效。先询问。",
    "How long: 90s, 30m, 2h (default: 60m). It expires.": "多久：90s、30m、2h（默认 60m），到时失效。",
    "Keep DOOR unlocked for some time; then it locks by itself.": "DOOR 保持开锁一段时间，之后自动上锁。",
    "How long: 90s, 30m, 2h.": "多久：90s、30m、2h。",
    "Keep DOOR locked even when its schedule would open it; cards go on.": (
        "DOOR 保持上锁，时段常开也不生效；刷卡照常。"
    ),
    "Lock DOOR against everybody whose rule does not say otherwise. Asks first.": (
        "紧急封锁 DOOR，规则另有规定者除外。先询问。"
    ),
    "Take back what was ordered for DOOR: rules and schedules count again.": "取消对 DOOR 的命令，恢复规则和时段。",
    "Open DOOR once, as a card would.": "打开 DOOR 一次，与刷卡相同。",
    "Show each door as last recorded, and how it is set: by whom, why, for how long. No agent needs to run.": (
        "显示各门最近记录的状态及设置：由谁、为何、多久。无需程序运行。"
    ),
    "Keep DOOR unlocked, with --for or until `door normal`.": "DOOR 保持开锁，用 --for 限时，否则直到 `door normal`。",
    "Alarms that stay until they are cleared.": "需要人工解除的报警。",
    "Clear ALARM: fire, or panic/ and the door, as panic/north-gate. Refused while its input is still active.": (
        "解除 ALARM：fire，或 panic/ 加门名，如 panic/north-gate。输入仍触发时拒绝。"
    ),
    "Show the alarms that stand, as last recorded, and what is muted; no agent needs to run.": (
        "显示最近记录的未解除报警及静默中的对象；无需程序运行。"
    ),
    "It is one: everybody sees that from now on.": "此为演练：此后所有人可见。",
    "Say that ALARM was heard. `alarm list` names those that wait.": "确认已收到 ALARM；`alarm list` 列出待处理的。",
    "Say that somebody (--who) was sent to ALARM.": "登记已派人（--who）前往 ALARM。",
    "Say that somebody has arrived at ALARM.": "登记已有人到达 ALARM 现场。",
    "Who goes.": "派谁去。",
    "Close ALARM with what it was.": "结束 ALARM，并登记结果。",
    "What it was.": "结果。",
    "Only record alerts of TARGET for a while: all, camera/NAME, rule/NAME (a zone, line or façade) or area/NAME.": (
        "TARGET 的告警在一段时间内只记录、不提醒：all、camera/名称、rule/名称（区域、线或墙面）或 area/名称。"
    ),
    "How long: 30m, 2h; 24h at most. It expires.": "多久：30m、2h，最长 24h，到时失效。",
    "Put on record what somebody who looked at the evidence of ALERT says.": "登记查看 ALERT 证据的人所作的判断。",
    "What the evidence shows.": "证据显示的情况。",
    "Let alerts of TARGET be heard again.": "恢复 TARGET 的告警提醒。",
}
