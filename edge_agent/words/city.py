"""Sentences of the city's side."""

WORDS: dict[str, tuple[str, str]] = {
    "city.bad_args": (
        "--args is no JSON object: {why}; write it as --args '{{\"for_s\": 60}}'",
        "--args 不是 JSON 对象:{why};请写成 --args '{{\"for_s\": 60}}'",
    ),
    "city.bad_verb": (
        "there is no verb {verb}; there are: {known}",
        "没有命令 {verb};可用:{known}",
    ),
    "city.second": (
        "--second and --second-key belong together: who agrees, and the key they sign with",
        "--second 与 --second-key 须同时给出:第二人的姓名及其签名密钥",
    ),
    "city.bad_zone": (
        "{zone} is no time zone: write for instance --zone Asia/Shanghai",
        "{zone} 不是有效时区:请写例如 --zone Asia/Shanghai",
    ),
    "city.bad_list": (
        "{bad} of {rows} rows are wrong, and nothing was sent: whoever is not in a list loses their right",
        "{rows} 行中有 {bad} 行有误,未发送任何内容:名单中缺少的人将失去通行权",
    ),
    "city.too_many_credentials": (
        "{person}: at most {most} credentials of one person travel in a list",
        "{person}:名单中每人最多 {most} 个凭证",
    ),
    "city.list_sent": (
        "list {version} announced: {people} people; {kb} kB from list {base}",
        "已发布名单 {version}:{people} 人;自名单 {base} 起 {kb} kB",
    ),
    "city.bad_since": (
        "“{text}” is no time: write 2026-05-04, 2026-05-04T07:01 (local time), or 90m, 12h, 7d for that long ago",
        "“{text}” 不是有效时间:请写 2026-05-04、2026-05-04T07:01(本地时间),或 90m、12h、7d 表示多久以前",
    ),
    "city.unknown": (
        "nothing from gateway {gateway} is stored here; there is: {known}",
        "此处没有网关 {gateway} 的数据;现有:{known}",
    ),
    "city.none": ("no gateway has been heard yet", "尚未收到任何网关的消息"),
    "city.title": ("what the city hears", "城市平台实时动态"),
    "city.column.gateway": ("gateway", "网关"),
    "city.column.state": ("state", "状态"),
    "city.column.seen": ("last heard", "最近消息"),
    "city.column.stored": ("stored", "已存"),
    "city.column.backlog": ("to come", "待传"),
    "city.column.agent": ("agent", "版本"),
    "city.column.time": ("time", "时间"),
    "city.column.what": ("what", "事件"),
    "city.column.detail": ("detail", "说明"),
    "city.state.online": ("online", "在线"),
    "city.state.offline": ("offline", "离线"),
    "city.ago.s": ("{n} s ago", "{n} 秒前"),
    "city.ago.m": ("{n} min ago", "{n} 分钟前"),
    "city.ago.h": ("{n} h ago", "{n} 小时前"),
    "city.ago.d": ("{n} d ago", "{n} 天前"),
    "city.verify.stream": (
        "{gateway} · journal {epoch}: {count} events, {first} to {last}",
        "{gateway} · 日志 {epoch}:{count} 条事件,{first} 至 {last}",
    ),
    "city.verify.whole": ("chain whole, nothing missing", "链条完整,无缺失"),
    "city.verify.gap": ("{first}–{last}: announced as lost ({why})", "{first}–{last}:已声明丢失({why})"),
    "city.verify.hole": (
        "{first}–{last}: missing, and not announced",
        "{first}–{last}:缺失,且未声明",
    ),
    "city.verify.cut": (
        "{first}–{last}: acknowledged, and cut off here: restore them from a copy of this database",
        "{first}–{last}:已确认入库,但在本库末尾被截断;请从本数据库的备份恢复",
    ),
    "city.verify.signed": (
        "the gateway signed what it had been told is here: up to event {seq}",
        "网关已签署确认入库的范围:至第 {seq} 条",
    ),
    "city.verify.contradicted": (
        "{seq}: is another event than the gateway signed: this database was rewritten",
        "{seq}:与网关签署的事件不同:本数据库被改写过",
    ),
    "city.verify.unsigned": (
        "the checkpoint kept here is not signed by this gateway (keys: {folder})",
        "此处保存的检查点不是本网关签署的(密钥:{folder})",
    ),
    "city.verify.no_key": (
        "no key of this gateway in {folder}: its checkpoints were not looked at",
        "{folder} 中没有本网关的公钥:未检查其检查点",
    ),
    "city.verify.waiting": (
        "{count} more are in the gateway's journal and on their way",
        "网关日志中还有 {count} 条待传",
    ),
    "city.verify.broken": (
        "{seq}: does not follow the event before it: one of the two was changed",
        "{seq}:与前一条事件不衔接:两者之一被改动",
    ),
    "city.verify.altered": (
        "{seq}: was changed in this database after it was stored",
        "{seq}:入库后在本数据库中被改动",
    ),
    "city.verify.conflict": (
        "{seq}: two different events came under this number; the later one is in table conflicts",
        "{seq}:同一编号收到两条不同的事件;后到的一条保存在 conflicts 表中",
    ),
    "city.verify.more": ("… and {count} more", "……另有 {count} 处"),
    "city.verify.bad": ("{count} findings", "发现 {count} 处问题"),
}
