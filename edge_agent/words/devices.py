"""Sentences about links, terminals, gates and device profiles."""

WORDS: dict[str, tuple[str, str]] = {
    # links
    "devices.link_scheme": (
        "“{url}” is no link: write serial:///dev/…?baud=9600, tcp://host:port, gpio:///dev/gpiochip0, "
        "push://address:port or sim://name",
        "“{url}” 不是有效的链路：请写 serial:///dev/…?baud=9600、tcp://主机:端口、gpio:///dev/gpiochip0、"
        "push://地址:端口 或 sim://名称",
    ),
    "devices.link_serial_path": (
        "“{url}” names no device: write three slashes and the full path, serial:///dev/serial/by-id/…",
        "“{url}” 没有设备路径：请写三个斜杠和完整路径，如 serial:///dev/serial/by-id/…",
    ),
    "devices.link_tcp": (
        "“{url}” needs a host and a port and nothing else: tcp://192.0.2.10:4001",
        "“{url}” 需要且只需要主机和端口：tcp://192.0.2.10:4001",
    ),
    "devices.link_sim_name": (
        "“{url}” needs one name of letters, digits, dot, dash: sim://north-reader",
        "“{url}” 需要一个由字母、数字、点或横线组成的名称：sim://north-reader",
    ),
    "devices.link_no_line": (
        "“{url}” is no line for bytes: choose a profile that goes with this link",
        "“{url}” 不是串行线路：请选择与此链路相符的配置",
    ),
    "devices.link_parameter": (
        "“{url}” has the unknown setting “{parameter}”: baud and parity are the ones there are",
        "“{url}” 含未知参数 “{parameter}”：可用的只有 baud 和 parity",
    ),
    "devices.link_baud": (
        "“{url}” has a wrong baud: give a whole number from 300 to 4000000, as baud=9600",
        "“{url}” 的 baud 不正确：请写 300 到 4000000 的整数，如 baud=9600",
    ),
    "devices.link_parity": (
        "“{url}” has a wrong parity: give none, even or odd",
        "“{url}” 的 parity 不正确：请写 none、even 或 odd",
    ),
    "devices.port_missing": (
        "{path} is not there: check cable and power, and the path in agent.toml",
        "{path} 不存在：请检查线缆和电源，以及 agent.toml 中的路径",
    ),
    "devices.port_forbidden": (
        "{path} may not be opened: add the daemon's user to the group that owns it (dialout)",
        "没有打开 {path} 的权限：请把服务用户加入其所属用户组（dialout）",
    ),
    "devices.port_taken": (
        "{path} is in use by another program: stop that one (a modem manager, a second agent)",
        "{path} 已被其他程序占用：请停止该程序（如 ModemManager 或另一个代理）",
    ),
    "devices.port_kind": (
        "{path} is no serial device: correct the path in agent.toml",
        "{path} 不是串口设备：请更正 agent.toml 中的路径",
    ),
    "devices.port_open": ("{path} cannot be opened ({why}): check the device", "{path} 无法打开（{why}）：请检查设备"),
    "devices.port_gone": (
        "{path} went away ({why}): check cable and power",
        "{path} 已断开（{why}）：请检查线缆和电源",
    ),
    "devices.port_away": ("{path} is away at the moment", "{path} 目前不在线"),
    "devices.port_stuck": (
        "{path} takes no more bytes: the device stands still, check it",
        "{path} 不再接收数据：设备停止响应，请检查",
    ),
    "devices.port_slow": (
        "{path} does not open: a name server or a driver hangs; use the address, or take the adapter out and in again",
        "{path} 打不开：域名解析或驱动无响应；请改用 IP 地址，或重新插拔适配器",
    ),
    "devices.line_echo": (
        "the line sends back what goes out on it; that is left out. Switch off the adapter's echo",
        "线路会回送发出的数据，已自动忽略。请关闭适配器的回显（发送时接收）",
    ),
    "devices.desk_no_key": (
        "there is no key for document numbers; make it with `edge-agent keys init`",
        "没有证件号码所用的密钥；请用 `edge-agent keys init` 生成",
    ),
    "devices.line_garbled": (
        "sends, but nothing readable: its speed differs from the line's (now {baud} baud, parity {parity}); "
        "find it with edge-agent device probe and set it in the link's url, or swap A and B",
        "有数据但无法识别：设备速率与线路不符（当前 {baud} 波特，校验 {parity}）；"
        "请用 edge-agent device probe 查找并写入链路 url，或对调 A、B 线",
    ),
    "devices.tcp_unreachable": (
        "{path} does not answer ({why}): check network and serial server",
        "{path} 无法连接（{why}）：请检查网络和串口服务器",
    ),
    # frames
    "devices.frame_noise": ("{count} bytes that belong to no frame", "{count} 个字节不属于任何帧"),
    "devices.frame_too_long": ("a frame longer than {limit} bytes", "帧长超过 {limit} 字节"),
    "devices.frame_cut": ("a frame cut off after {count} bytes", "帧在 {count} 字节后中断"),
    "devices.frame_checksum": ("a frame of {count} bytes with a wrong checksum", "{count} 字节的帧校验错误"),
    "devices.frame_unknown": ("a message of unknown kind ({first})", "未知类型的报文（{first}）"),
    "devices.frame_field": (
        "message “{message}” with a malformed field “{field}”",
        "报文 “{message}” 的字段 “{field}” 格式错误",
    ),
    "devices.no_frames": ("{kind} is no stream of frames", "{kind} 不是帧数据流"),
    "devices.no_command": ("{profile} has no command “{command}”", "{profile} 没有命令 “{command}”"),
    "devices.bad_value": (
        "{profile}: command “{command}” cannot carry this value of “{field}”",
        "{profile}：命令 “{command}” 无法携带 “{field}” 的这个值",
    ),
    # cards
    "devices.card_format": (
        "unknown card format “{format}”: use {known}, or hexNN (raw bits in hexadecimal, as hex40)",
        "未知卡格式 “{format}”：请用 {known}，或 hexNN（十六进制原始位，如 hex40）",
    ),
    "devices.card_entry": (
        "not a card number of format {format}: write facility:number, or for H10301 the 8 or 10 printed digits",
        "不是 {format} 格式的卡号：请写 区号:卡号，H10301 也可写卡面的 8 位或 10 位数字",
    ),
    "devices.card_digits": (
        "{found} digits, and cards of format {format} are printed with 8 or 10. Where a spreadsheet has dropped the "
        "zeros in front, format the column as text and enter the printed number again",
        "共 {found} 位，而 {format} 卡面印的是 8 位或 10 位。若表格软件去掉了前面的 0，"
        "请把该列设为“文本”格式后按卡面重新输入",
    ),
    "devices.card_rounded": (
        "a spreadsheet has rounded this number: format the column as text and enter the printed number again",
        "该号码已被表格软件改写为科学计数法：请把该列设为“文本”格式后按卡面重新输入",
    ),
    "devices.card_hex": (
        "not {bits} bits in hexadecimal: write the digits 0-9 and A-F only, as the reader sends them",
        "不是 {bits} 位的十六进制数：只能写 0-9 和 A-F，与读卡器发送的一致",
    ),
    "devices.card_range": (
        "the {what} does not fit format {format}: at most {limit}",
        "{what} 超出 {format} 格式范围：最大 {limit}",
    ),
    "devices.card_no_facility": (
        "format {format} has no facility code: write the number alone",
        "{format} 格式没有区号：请只写卡号",
    ),
    "devices.card_bits": ("a card of {bits} bits", "{bits} 位的卡"),
    "devices.card_parity": ("a card of {bits} bits with wrong parity", "{bits} 位的卡奇偶校验错误"),
    "devices.keys_too_many": ("more than {limit} digits", "超过 {limit} 位数字"),
    # terminals
    "devices.osdp_no_key": (
        "terminal {terminal} has no key: give key_file in agent.toml; only a profile with insecure = true goes without",
        "终端 {terminal} 没有密钥：请在 agent.toml 中给出 key_file；只有 insecure = true 的配置可以不用密钥",
    ),
    "devices.osdp_key_length": (
        "the key of terminal {terminal} has {length} bytes: it must have 16 (32 hex digits)",
        "终端 {terminal} 的密钥为 {length} 字节：应为 16 字节（32 位十六进制）",
    ),
    "devices.osdp_waiting": (
        "waiting for the device: put it into its installation mode (see its manual) …",
        "正在等待设备：请将其置于安装模式（见设备手册）……",
    ),
    "devices.osdp_setting": ("it takes the default key; setting a fresh one …", "设备接受默认密钥；正在写入新密钥……"),
    "devices.osdp_verifying": ("verifying with a new channel …", "正在用新通道验证……"),
    "devices.osdp_provisioned": (
        "done: the key is in {path}; give it as key_file in agent.toml and keep a copy in a safe place",
        "完成：密钥在 {path}；请在 agent.toml 中以 key_file 给出，并妥善保存副本",
    ),
    "devices.osdp_has_key": (
        "{path} is there already and is not overwritten: name another file, or move it away",
        "{path} 已存在，不会覆盖：请换一个文件名或将其移走",
    ),
    "devices.osdp_over": (
        "the time is over and the default key is no longer taken: check cable, address and baud, and begin again",
        "时间已到，不再接受默认密钥：请检查线缆、地址和波特率后重新开始",
    ),
    "devices.osdp_other_key": (
        "the device at address {address} refuses the default key: it has another; put it into its installation mode",
        "地址 {address} 的设备拒绝默认密钥：它已有其他密钥；请将其恢复到安装模式",
    ),
    "devices.osdp_unproven": (
        "the new key was sent, and no channel came up with it",
        "新密钥已发送，但无法用它建立通道",
    ),
    "devices.osdp_half_done": (
        "{why}; the device may have the new key: it is kept in {path}; run the same command again",
        "{why}；设备可能已有新密钥：该密钥保存在 {path}；请再次运行同一命令",
    ),
    "devices.osdp_pending": (
        "{path} holds no key: it is from an attempt that did not end; move it away",
        "{path} 中没有密钥：它来自未完成的操作；请将其移走",
    ),
    "devices.osdp_unwritable": (
        "{path} cannot be written ({why}): choose a folder of yours",
        "无法写入 {path}（{why}）：请选择有权限的目录",
    ),
    "devices.osdp_two_keys": (
        "door {door}: the device at address {address} has another key as a reader; give both the same key_file",
        "门 {door}：地址 {address} 的设备作为读卡器时使用另一密钥；请给出相同的 key_file",
    ),
    "devices.osdp_refused": (
        "refuses the command “{what}” and was taken off line for it; it is not sent again: check the profile",
        "拒绝命令 “{what}” 并因此离线；不再发送该命令，请检查配置",
    ),
    "devices.osdp_power": ("reports that its power fails: check its supply", "报告供电故障：请检查电源"),
    "devices.osdp_too_few": (
        "has no {name} with number {number}: numbers begin with 0; correct the door in agent.toml",
        "没有编号为 {number} 的 {name}：编号从 0 开始，请更正 agent.toml 中的门配置",
    ),
    "devices.osdp_number": (
        "door {door}: {input} = {number}: each number must be from 0 to 63",
        "门 {door}：{input} = {number}：编号须在 0 到 63 之间",
    ),
    "devices.osdp_address": (
        "terminal {terminal}: address {address} is wrong or taken on this bus; each reader needs its own, 0 to 126",
        "终端 {terminal}：地址 {address} 不正确或在此总线上已被占用；每个读卡器需要 0 到 126 的独立地址",
    ),
    "devices.wrong_profile": (
        "{device}: profile {profile} is for another kind of device; choose one for {wanted}",
        "{device}：配置 {profile} 属于另一类设备；请选择用于 {wanted} 的配置",
    ),
    "devices.reads_too_fast": (
        "reads arrive faster than the door takes them",
        "读卡过快，门来不及处理",
    ),
    "devices.reader_silent": (
        "does not answer: check cable, power, address and baud",
        "没有应答：请检查线缆、电源、地址和波特率",
    ),
    "devices.reader_key": (
        "answers, but its secure channel fails: wrong key, or somebody changed the reader",
        "有应答但安全通道失败：密钥不符，或读卡器被更换",
    ),
    "devices.reader_session": ("secure channel lost", "安全通道中断"),
    "devices.reader_noise": ("{count} bad frames, the last: {last}", "{count} 个错误帧，最近一个：{last}"),
    # gates
    "devices.gate_silent": ("the gate board does not answer", "门控板没有应答"),
    "devices.gate_away": (
        "the gate of door {door} cannot be reached: it stays locked; check its line",
        "无法连接门 {door} 的门控板：门保持锁闭，请检查线路",
    ),
    "devices.gate_deaf": (
        "a release was sent twice and the relay did not switch",
        "开门指令已发送两次，继电器没有动作",
    ),
    "devices.gate_pulse": (
        "door {door}: {name} = {wanted} is longer than the board can time, at most {limit}",
        "门 {door}：{name} = {wanted} 超过门控板能计时的上限 {limit}",
    ),
    "devices.gate_stuck": (
        "locking was ordered twice and the relay stayed on: the door is not locked, check the board",
        "上锁指令已发送两次，继电器仍吸合：门未锁闭，请检查门控板",
    ),
    "devices.gate_number": (
        "door {door}: {input} = {number}: each number must be from 0 to 7, as printed on the board",
        "门 {door}：{input} = {number}：编号须在 0 到 7 之间，与板上标注一致",
    ),
    "devices.gate_lacks": (
        "door {door}: the board of profile {profile} has nothing for “{input}”; leave it out, or choose another board",
        "门 {door}：配置 {profile} 的门控板不支持 “{input}”；请去掉该项或换用其他门控板",
    ),
    # Modbus
    "devices.modbus_silent": (
        "address {address} does not answer: check power, address, baud ({baud} here), and that A and B are not swapped",
        "地址 {address} 没有应答：请检查电源、地址、波特率（此处 {baud}），以及 A、B 线是否接反",
    ),
    "devices.modbus_garbled": (
        "{count} unreadable bytes instead of an answer of address {address}: set the same baud and parity on both "
        "sides ({baud} here), and see that no two devices have one address",
        "地址 {address} 返回 {count} 个无法识别的字节：请使两端波特率和校验一致（此处 {baud}），并确认没有重复的地址",
    ),
    "devices.modbus_stranger": (
        "address {address} was asked and address {other} answered: give each device its own, and only one master",
        "询问地址 {address}，却由地址 {other} 应答：请为每个设备设置不同地址，且总线上只能有一个主站",
    ),
    "devices.modbus_refused": (
        "the device refuses “{what}” (exception {exception}): the profile is for another model or a newer firmware",
        "设备拒绝 “{what}”（异常码 {exception}）：配置与型号不符，或固件版本过旧",
    ),
    "devices.modbus_overrun": (
        "relay {relay} was released beyond any order and is being locked: another master, a stuck timer or a "
        "latching relay",
        "继电器 {relay} 超出指令时间仍处于开门状态，正在上锁：可能有其他主站、计时器故障或自保持继电器",
    ),
    "devices.profile_address_word": (
        'set_address has exactly one word with plus = "address", and no other write has one',
        'set_address 必须恰好有一个 plus = "address" 的字，其他写操作不得有',
    ),
    "devices.modbus_number": (
        "door {door}: {input} = {number}: this board has 0 to {last}",
        "门 {door}：{input} = {number}：此板的编号为 0 到 {last}",
    ),
    "devices.modbus_address": (
        "{device}: address {address} cannot be set on this device; give 1 to {highest}",
        "{device}：此设备不能使用地址 {address}；请填 1 到 {highest}",
    ),
    "devices.modbus_fail_safe": (
        "door {door}: the board of profile {profile} cannot time a relay that is off; wire the lock so that a relay "
        "that is on unlocks (fail = secure), or choose another board",
        "门 {door}：配置 {profile} 的板无法对断开状态计时；请接成吸合开锁（fail = secure），或换用其他板",
    ),
    "devices.modbus_input_twice": (
        "door {door}: two things on one input; give each input of the board one meaning",
        "门 {door}：同一输入用于两种用途；请为每个输入只指定一种用途",
    ),
    "devices.profile_function": (
        "“{name}” cannot be done with function {function}: {known}",
        "“{name}” 不能用功能码 {function}：可用 {known}",
    ),
    "devices.profile_pulse": (
        "a pulse needs exactly one word with “plus”, and other writes none",
        "脉冲须有且仅有一个带 “plus” 的字，其他写入不得有",
    ),
    "devices.profile_pulse_long": (
        "max_pulse_s = {wanted} does not fit the board's timer, at most {limit}",
        "max_pulse_s = {wanted} 超出板上计时器，最大 {limit}",
    ),
    "devices.profile_count": (
        "{what}: {count} of them, and {wanted} needed",
        "{what}：有 {count} 个，需要 {wanted} 个",
    ),
    "devices.profile_levels": (
        "clear must be below at, and warning below alarm",
        "clear 必须低于 at，warning 必须低于 alarm",
    ),
    "devices.profile_bands": (
        "bands must not overlap, and each of closed, open, cut and shorted is there once",
        "区间不得重叠，closed、open、cut、shorted 各须出现一次",
    ),
    # profiles
    "devices.profiles_missing": (
        "no device profiles found: set EDGE_AGENT_PROFILES to the device_profiles folder",
        "找不到设备配置：请将 EDGE_AGENT_PROFILES 指向 device_profiles 目录",
    ),
    "devices.profile_unknown": (
        "there is no profile “{profile}”; there are: {known}",
        "没有配置 “{profile}”；现有：{known}",
    ),
    "devices.profile_unreadable": ("cannot be read: {why}", "无法读取：{why}"),
    "devices.profile_toml": ("is not valid TOML: {why}", "不是有效的 TOML：{why}"),
    "devices.profile_form": ("{why}", "{why}"),
    "devices.profile_unknown_field": (
        "unknown field `{key}`; there are: {known}",
        "未知字段 `{key}`；可用：{known}",
    ),
    "devices.profile_no_field": ("the field `{key}` is missing", "缺少字段 `{key}`"),
    "devices.profile_type": ("must be {wanted}, and is {got}", "应为 {wanted}，实为 {got}"),
    "devices.profile_choice": ("“{value}” is none of: {known}", "“{value}” 不在可选值中：{known}"),
    "devices.profile_range": ("{value} will not do: {limit}", "{value} 不可用：{limit}"),
    "devices.profile_id": (
        "the id must be the file's place below device_profiles: {wanted}",
        "id 必须与文件在 device_profiles 下的位置一致：{wanted}",
    ),
    "devices.profile_twice": ("“{name}” is there twice", "“{name}” 重复"),
    "devices.profile_needs": ("a {kind} with this framing needs {what}", "此类 {kind} 配置需要 {what}"),
    "devices.profile_not_here": ("{what} has no place in a profile with this framing", "{what} 不能用于此帧格式"),
    "devices.profile_osdp_pulse": (
        "an OSDP output is timed for 25.5 s at most (one byte of 100 ms); a longer release is armed again by itself",
        "OSDP 输出最长只能计时 25.5 秒（单字节，100 毫秒为单位）；更长的开门会自动续时",
    ),
    "devices.profile_marks": ("start and end must be different bytes", "start 和 end 必须不同"),
    "devices.profile_overlap": (
        "fields must follow each other after match, and only the last may go without length",
        "字段须在 match 之后依次排列，只有最后一个可以省略 length",
    ),
    "devices.profile_hidden": (
        "never reached: “{name}” above begins with the same bytes; put the longer match first",
        "永远不会匹配：上面的 “{name}” 以相同字节开头；请把较长的 match 放在前面",
    ),
    "devices.profile_lost": (
        "nothing tells where a frame begins: give {what}, a header with a checksum, or an end byte",
        "无法判断帧从哪里开始：请给出 {what}、带校验的 header 或 end",
    ),
    "devices.profile_too_short": (
        "header, checksum and end leave no room: at least {least} bytes",
        "除去 header、校验和 end 后没有空间：至少 {least} 字节",
    ),
    "devices.profile_wiegand": (
        "give bits and number, or nothing but the name of a known format: {known}",
        "请给出 bits 和 number，或只写已知格式的名称：{known}",
    ),
    "devices.profile_span": (
        "a span goes from the first bit to the last, within the {bits} bits of the format",
        "位段须从前到后，并在该格式的 {bits} 位之内",
    ),
    "devices.profile_span_shared": (
        "number, facility code and parity bits need places of their own",
        "卡号、区号和奇偶校验位不能重叠",
    ),
    "devices.profile_swap": (
        "only a number of whole bytes can be swapped",
        "只有整字节的卡号才能交换字节顺序",
    ),
    "devices.profile_no_example": (
        "“{name}” has no example: add one [[example]] with golden bytes",
        "“{name}” 没有示例：请添加含标准字节的 [[example]]",
    ),
    "devices.profile_example_form": (
        "an example has either gives or from, naming a message or command of this profile",
        "示例须有 gives 或 from 之一，并指明本配置中的报文或命令",
    ),
    "devices.profile_example": (
        "fed {how}, the bytes give {got} instead of {wanted}",
        "以“{how}”方式输入时，得到 {got}，应为 {wanted}",
    ),
}
