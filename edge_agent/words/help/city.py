"""The city's side, keys, the register, the demo."""

HELP: dict[str, str] = {
    "Give GATEWAY the renewed certificate in FILE (PEM, with its chain), for the key it has.": (
        "向 GATEWAY 下发 FILE 中续期的证书（PEM，含证书链），密钥不变。"
    ),
    "keys/ (edge-agent keys init --city), gateways/<id>.pub and city.db are here.": (
        "keys/（edge-agent keys init --city）、gateways/<编号>.pub 和 city.db 所在目录。"
    ),
    "postgresql://… or a file (default: city.db in the folder). With a password: in EDGE_AGENT_CITY_DB instead.": (
        "postgresql://… 或文件（默认：目录中的 city.db）。含密码时改用 EDGE_AGENT_CITY_DB。"
    ),
    "mqtt://host:1883 or mqtts://host:8883": "mqtt://主机:1883 或 mqtts://主机:8883",
    "The broker's authority (default: the system's).": "消息服务器的 CA（默认：系统的）。",
    "Our certificate, for a broker that asks for one.": "本方证书（服务器要求时）。",
    "The certificate's key.": "证书的私钥。",
    "Who gives the command; stands in the gateway's journal.": "下令人；写入网关事件记录。",
    "The issuer's (default: keys/city-command.key).": "下令人的密钥（默认：keys/city-command.key）。",
    "Seconds to wait for the answer, and for what moves something to live (2 to 30; 0: 30, and none waits).": (
        "等待答复的秒数，也是动作类指令的有效时间（2 至 30 秒；0 表示不等待，有效 30 秒）。"
    ),
    "Give GATEWAY a new agent.toml. It starts anew with it, and goes back when that one does not reach the city.": (
        "向 GATEWAY 下发新 agent.toml。网关以之重启；连不上城市平台时自动退回。"
    ),
    "Write stored events to standard output, in the order of their arrival at the city.": (
        "按到达城市平台的顺序，将已存事件写到标准输出。"
    ),
    "Arrived at or after: 2026-05-04, 2026-05-04T07:01, or 90m, 12h, 7d.": (
        "此时之后到达的：2026-05-04、2026-05-04T07:01，或 90m、12h、7d。"
    ),
    "Which gateways there are, when they were heard, and what they still have to send.": (
        "列出各网关、最近联系时间及待发事件数。"
    ),
    "Show gateways and doors in Home Assistant: read-only, by MQTT discovery, on a broker that is not the city's.": (
        "在 Home Assistant 中只读显示网关和门：经 MQTT 发现，用非城市平台的服务器。"
    ),
    "Open DOOR of GATEWAY once, with a command signed by the city's command key.": (
        "以城市命令密钥签名，打开 GATEWAY 的 DOOR 一次。"
    ),
    "Make FILE (CSV, as for `people import`) the list of who may pass at GATEWAY, by what the city "
    "grants.\n\nNames, phone numbers and PINs do not travel. Nothing is sent while a row of the file is wrong.": (
        "以 FILE（CSV，同 `people import`）作为 GATEWAY 的城市授权名单。\n\n姓名、电话和密码不外传。文件有错行时"
        "不发送。"
    ),
    "The file's dates are local there.": "文件中的日期按此时区。",
    "Send everybody, not what changed since the last list.": "发送全部人员，而非与上次名单的差异。",
    "Store what the gateways publish, and acknowledge what is stored.": "存储各网关发布的事件，并确认已存的。",
    "Processes that share the work.": "分担工作的进程数。",
    "This worker's name; differs on one broker.": "本进程名称；同一服务器上各不相同。",
    "Whom to share with; see docs/brokers for its secrecy.": "共享组名；保密要求见 docs/brokers。",
    "Whose STATE this is; [uplink] region of gateways.": "STATE 所属区域；即网关 [uplink] 的 region。",
    "Send GATEWAY the signed command VERB, and show what it answers.": "向 GATEWAY 发送签名命令 VERB，并显示答复。",
    "The door it is about, for the verbs that are about one.": "命令所涉及的门（需要时）。",
    "A JSON object: what the verb needs beside.": "命令的其他参数，一个 JSON 对象。",
    "Who agrees, where it takes two people: all doors opened.": "需两人同意时（打开所有门）的第二人。",
    "The second person's key.": "第二人的密钥。",
    "Recompute the chain of GATEWAY's events and look for what is missing, also at the end: how far it must reach,\n"
    "the gateway has signed. Ends with 1 when something is found.": (
        "重算 GATEWAY 事件的哈希链并查找缺失，末尾被截断亦能发现：应有范围由网关签署。有发现则退出码为 1。"
    ),
    "The gateways and what they report, as it is stored. Ctrl-C ends it.": (
        "实时显示各网关及其上报内容。Ctrl-C 结束。"
    ),
    "Show what there is now, and end.": "显示当前情况后结束。",
    "Write a request for the client certificate of TLS; its key is made when it is not there, and stays here.": (
        "生成 TLS 客户端证书请求；没有私钥时生成，私钥不离开本机。"
    ),
    "gateway.id of agent.toml: the name in the certificate.": "agent.toml 的 gateway.id：证书中的名称。",
    "Make the keys that are not there yet.": "生成尚缺的密钥。",
    "The city's two signing keys instead of the gateway's.": "生成城市平台的两把签名密钥，而非网关的。",
    "Make a secure channel base key for one reader (32 hex digits, in PATH).": (
        "为一台读卡器生成安全通道基础密钥（32 位十六进制，写入 PATH）。"
    ),
    "Replace the gateway's signing key; the old one signs the new one, and the city learns of it by itself.": (
        "更换网关签名密钥；旧钥为新钥签名，城市平台自动得知。"
    ),
    "gateway.id of agent.toml.": "agent.toml 的 gateway.id。",
    "Register of retrievals: who, unit, reason, document number, what was viewed or exported.": (
        "调取登记簿：何人、单位、事由、文号、查看或导出的内容。"
    ),
    "Enter a breach of personal data in the register, and print the notice to authority and people (Chinese, "
    "English).\n\nThe text is a help, no legal advice. Report at once: the law asks for it without delay.": (
        "登记个人信息泄露事件，并输出致主管部门和个人的通知（中、英文）。\n\n文字仅供参考，不是法律意见。请立即报"
        "告：法律要求不得拖延。"
    ),
    "What was leaked, altered or lost: kinds of data.": "泄露、篡改或丢失的信息种类。",
    "How, as far as it is known.": "已知的原因和经过。",
    "What may come of it for the people concerned.": "对当事人可能造成的危害。",
    "What was done against it, and what the people can do themselves.": "已采取的补救措施，以及个人可采取的措施。",
    "How many people, as far as it is known.": "已知的涉及人数。",
    "Whom to ask: name and number.": "联系人姓名和电话。",
    "Show the register, oldest first.": "显示登记簿，最早的在前。",
    "One JSON object a line, as it is stored.": "每行一个 JSON 对象，按存储原样。",
    "Enter by hand that WHAT was viewed, exported or provided: a recording played on the spot, a list read out.": (
        "手工登记 WHAT 被查看、导出或提供：如现场播放录像、口头告知名单。"
    ),
    "Whose data, as a pseudonymous id.": "谁的资料（化名编号）。",
    "How many records.": "记录条数。",
    "Check that no entry was changed or taken out. Keep number and hash of the newest: they show a cut-off end.": (
        "检查有无条目被改动或删去。请保留最新的编号和哈希：可发现末尾被截。"
    ),
    "Play the scripted scenario and exit 0 only if every step holds.": "按脚本演示，每一步都成立才以 0 退出。",
    "Folder with the test photographs.": "测试照片文件夹。",
    "Keep everything in this folder.": "所有文件保存在此文件夹。",
}
