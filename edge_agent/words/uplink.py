"""Sentences about: uplink."""

WORDS: dict[str, tuple[str, str]] = {
    # --- the way to the broker
    "uplink.url": (
        "{url} is not a broker's address: write mqtt://host:port, or mqtts://host:port for TLS",
        "{url} 不是有效的消息服务器地址:请写 mqtt://主机:端口,加密连接写 mqtts://主机:端口",
    ),
    "uplink.unreachable": (
        "no way to the broker at {where}: {why}. Events are kept; check network, address and port (uplink.url)",
        "无法连接消息服务器 {where}:{why}。事件已保存;请检查网络、地址和端口(uplink.url)",
    ),
    "uplink.no_answer": (
        "{where} takes the connection and does not answer: is it an MQTT broker, is it mqtts:// instead of mqtt:// "
        "(or the reverse), does it ask for a client certificate (uplink.tls), "
        "does it speak MQTT {version} (uplink.mqtt)?",
        "{where} 接受了连接但没有应答:请确认它是 MQTT 服务器、地址应为 mqtts:// 还是 mqtt://、是否需要客户端证书(uplink.tls)、"
        "是否支持 MQTT {version}(uplink.mqtt)",
    ),
    "uplink.lost": ("the connection to {where} is lost: {why}", "与 {where} 的连接中断:{why}"),
    "uplink.silent": (
        "{where} has not answered for {seconds} s: connecting anew",
        "{where} 在 {seconds} 秒内没有应答:正在重新连接",
    ),
    "uplink.tls": (
        "no secure connection to {where}: {why}. "
        "Check uplink.tls (ca, cert, key), the certificate's dates and our clock",
        "无法与 {where} 建立加密连接:{why}。请检查 uplink.tls(ca、cert、key)、证书有效期和本机时钟",
    ),
    "uplink.client_refused": (
        "{where} refuses our certificate (uplink.tls.cert): {why}. The city has to renew it (edge-agent keys enroll), "
        "or to look at its list of revoked certificates",
        "{where} 拒绝本机证书(uplink.tls.cert):{why}。需由平台重新签发(edge-agent keys enroll)或检查吊销列表",
    ),
    "uplink.server_expired": (
        "the certificate of {where} has run out: the city has to renew it (or our clock is wrong)",
        "{where} 的证书已过期:需由平台更新(或本机时钟有误)",
    ),
    "uplink.server_early": (
        "the certificate of {where} is not valid yet: is our clock behind?",
        "{where} 的证书尚未生效:本机时钟是否落后?",
    ),
    "uplink.server_name": (
        "the certificate of {where} is not for {host}: check uplink.url, or somebody stands between",
        "{where} 的证书不属于 {host}:请检查 uplink.url,否则可能有人冒充服务器",
    ),
    "uplink.server_authority": (
        "the certificate of {where} is not from the authority in uplink.tls.ca: put the city's there, or somebody "
        "stands between",
        "{where} 的证书不是由 uplink.tls.ca 中的机构签发:请放入平台的 CA 证书,否则可能有人冒充服务器",
    ),
    "uplink.server_form": (
        "the certificate of {where} or its authority's breaks RFC 5280 ({why}): have them issued anew, the authority's "
        "with keyUsage and both with subject and authority key identifiers (docs/brokers/README.md)",
        "{where} 的证书或其 CA 证书不符合 RFC 5280（{why}）：请重新签发，CA 证书须含 keyUsage，"
        "两者均须含使用者与颁发者密钥标识（见 docs/brokers/README.md）",
    ),
    "uplink.server_plain": (
        "{where} does not speak TLS: is it the plain port? We never go on without encryption; "
        "set the port in uplink.url",
        "{where} 未使用 TLS:是否连到了明文端口?本程序不会降级为明文;请修改 uplink.url 的端口",
    ),
    "uplink.server_old": (
        "{where} speaks an older TLS than 1.3: the city has to allow 1.3",
        "{where} 只支持低于 1.3 的 TLS:需由平台启用 TLS 1.3",
    ),
    "uplink.file": (
        "{path} (named in uplink) cannot be read: {why}",
        "无法读取 uplink 中指定的文件 {path}:{why}",
    ),
    "uplink.mqtt_version": (
        "{where} does not speak MQTT {version}: set uplink.mqtt = {other} in agent.toml if that is what it speaks "
        "(it is never changed silently)",
        "{where} 不支持 MQTT {version}:若它使用另一版本,请在 agent.toml 中设置 uplink.mqtt = {other}(程序不会自动降级)",
    ),
    "uplink.login_refused": (
        "{where} refuses our login as {user!r}: check uplink.username and uplink.password_file, "
        "or the certificate in uplink.tls, and the broker's account for this gateway",
        "{where} 拒绝以 {user!r} 登录:请检查 uplink.username、uplink.password_file "
        "或 uplink.tls 证书,以及服务器上本网关的账号",
    ),
    "uplink.refused": ("{where} refuses the connection: {why}", "{where} 拒绝连接:{why}"),
    "uplink.topic_refused": (
        "{where} does not allow topic {topic} ({why}): give this gateway write access to sc/1/up/{gateway}/# and read "
        "access to sc/1/dn/{gateway}/# in the broker's access list. Events are kept",
        "{where} 不允许使用主题 {topic}({why}):"
        "请在服务器访问列表中授权本网关写 sc/1/up/{gateway}/#、读 sc/1/dn/{gateway}/#。"
        "事件已保存",
    ),
    "uplink.taken_over": (
        "somebody else connected to {where} as {client}: two gateways with one gateway.id, or a stolen certificate",
        "有其他设备以 {client} 的身份连接了 {where}:两台网关使用了同一个 gateway.id,或证书被盗用",
    ),
    "uplink.dropped": (
        "{where} has taken and dropped us {count} times in a row: is there another gateway with gateway.id {client}, "
        "or is the broker restarting?",
        "{where} 连续 {count} 次接受连接后又断开:是否有另一台网关使用了 gateway.id {client},或服务器正在反复重启?",
    ),
    # --- what arrives
    "uplink.envelope": ("{at}: {why}", "{at}:{why}"),
    "uplink.message": ("{problem} {why}", "{problem} {why}"),
    # --- key files
    "uplink.key_missing": (
        "{path}: no such key; `edge-agent keys init` makes the gateway's own, the city's come from the city",
        "{path}:密钥不存在;网关自己的密钥用 `edge-agent keys init` 生成,城市平台的公钥由平台提供",
    ),
    "uplink.key_open": (
        "{path}: others may read this private key (mode {mode}); run: chmod 600 {path}",
        "{path}:其他用户可以读取该私钥(权限 {mode});请执行:chmod 600 {path}",
    ),
    "uplink.key_unreadable": ("the key {path} cannot be read: {why}", "无法读取密钥 {path}:{why}"),
    "uplink.rotation_damaged": (
        "{path} is damaged ({why}): put back the one of a backup. Without one move it away, and give {own} to the city "
        "by hand",
        "{path} 已损坏（{why}）：请从备份恢复；没有备份时将其移走，并把 {own} 人工交给平台",
    ),
    "uplink.key_no_pem": (
        "{path} is not a key in PEM form: name the file that holds one (it begins with -----BEGIN)",
        "{path} 不是 PEM 格式的密钥:请指定正确的密钥文件(以 -----BEGIN 开头)",
    ),
    "uplink.key_kind": ("{path} holds a key, but not an Ed25519 one", "{path} 中的密钥不是 Ed25519 类型"),
    "uplink.commanders": (
        "{path} is no list of the city's command keys: {why}. Each [[key]] has name, public (or file) and roles",
        "{path} 不是有效的平台指令密钥列表:{why}。每个 [[key]] 需包含 name、public(或 file)和 roles",
    ),
    "uplink.bad_gateway": (
        "{gateway!r} cannot be a gateway's id: letters, digits, dot, dash and underscore, 64 at most",
        "{gateway!r} 不能作为网关编号:只能使用字母、数字、点、横线和下划线,最多 64 个字符",
    ),
    # --- certificates
    "uplink.certificate_unreadable": (
        "{path} is not a certificate in PEM form: {why}",
        "{path} 不是 PEM 格式的证书:{why}",
    ),
    "uplink.certificate_name": (
        "{path} is the certificate of {found!r}, but gateway.id is {gateway}: the broker would take us for another. "
        "Ask for one with `edge-agent keys enroll`",
        "{path} 是 {found!r} 的证书,而 gateway.id 是 {gateway}:服务器会把本机当成另一台网关。"
        "请用 `edge-agent keys enroll` 重新申请",
    ),
    "uplink.certificate_key": (
        "{path} belongs to another key than uplink.tls.key: the certificate must be made from our own request "
        "(`edge-agent keys enroll`)",
        "{path} 与 uplink.tls.key 的密钥不匹配:证书必须由本机的申请签发(`edge-agent keys enroll`)",
    ),
    "uplink.certificate_expired": (
        "{path} has run out: ask for a new one with `edge-agent keys enroll`",
        "{path} 已过期:请用 `edge-agent keys enroll` 重新申请",
    ),
    "uplink.certificate_early": (
        "{path} is not valid yet: is our clock right? Otherwise ask for another one with `edge-agent keys enroll`",
        "{path} 尚未生效:请检查本机时钟;若时钟正确,请用 `edge-agent keys enroll` 重新申请",
    ),
    "uplink.key_exists": (
        "{path} is there already and is not overwritten; move it away first",
        "{path} 已存在,不会被覆盖;请先将其移走",
    ),
    "uplink.key_write": ("{path} cannot be written: {why}", "无法写入 {path}:{why}"),
    # --- the city's side
    "uplink.store_foreign": (
        "{path} is a database, but not the city's: name another file, it is left as it is",
        "{path} 是其他程序的数据库:请指定另一个文件,该文件不会被改动",
    ),
    "uplink.store_newer": (
        "{path} was written by a newer version (schema {found}, this one knows {known}): update this program",
        "{path} 由更新的版本写入(结构版本 {found},本程序支持到 {known}):请升级程序",
    ),
    "uplink.store_unsafe": (
        "{path}: the file system does not keep {what}; the database must be on a local disk",
        "{path}:文件系统不支持 {what};数据库必须放在本地磁盘上",
    ),
    "uplink.store_failing": (
        "{path} cannot be read or written: {why}. Nothing is acknowledged until it can",
        "{path} 无法读写:{why}。恢复之前不会确认任何事件",
    ),
    "uplink.store_unfit": (
        "{path} does not take this row: {why}",
        "{path} 无法保存该记录:{why}",
    ),
    "uplink.store_psycopg": (
        "PostgreSQL needs psycopg: pip install 'edge-agent[city]'",
        "使用 PostgreSQL 需要 psycopg:pip install 'edge-agent[city]'",
    ),
    "uplink.no_gateway": (
        "the city has not heard from gateway {gateway} yet: a command needs its boot and its uptime",
        "城市平台尚未收到网关 {gateway} 的信息:下发指令需要它的启动编号和运行时间",
    ),
    "uplink.no_command": (
        "no command can say this, and none was sent: {why}",
        "无法组成指令，未发送：{why}",
    ),
    "uplink.broker_missing": (
        "no {kind} broker here: install mosquitto (apt install mosquitto) or `pip install edge-agent[demo]`",
        "本机没有 {kind} 消息服务器:请安装 mosquitto(apt install mosquitto)或 `pip install edge-agent[demo]`",
    ),
    "uplink.broker_failed": ("the broker did not start: {why}", "消息服务器未能启动:{why}"),
}
