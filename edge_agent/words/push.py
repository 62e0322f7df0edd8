"""Sentences about terminals that report over HTTP."""

WORDS: dict[str, tuple[str, str]] = {
    "push.link": (
        "“{url}” needs one address of this machine and a port: push://192.0.2.1:8460 (the network of the terminals), "
        "or push://:8460 for this machine alone; all addresses at once are refused",
        "“{url}” 需要本机的一个地址和端口：push://192.0.2.1:8460（终端所在网络），仅本机可写 push://:8460；"
        "不允许监听所有地址",
    ),
    "push.bind": (
        "{address} cannot be listened on ({why}): is it an address of this machine, and the port free?",
        "无法监听 {address}（{why}）：它是本机地址吗？端口是否空闲？",
    ),
    "push.secret": (
        "a call without the right secret: set it in the terminal as it stands in secret_file",
        "收到密钥不正确的推送：请在终端中设置与 secret_file 相同的密钥",
    ),
    "push.stray": ("a call to {path}, which is no terminal's", "收到对 {path} 的推送，不属于任何终端"),
    "push.body": (
        "a report that is not of the profile's form ({why})",
        "上报内容与配置的格式不符（{why}）",
    ),
    "push.late": (
        "a report {age} s old opens nothing: kept while the terminal had no network, or its clock is wrong (set NTP)",
        "上报时间相差 {age} 秒，不予开门：可能是终端断网期间的缓存，或终端时钟不准（请设置 NTP）",
    ),
    "push.clock": (
        "the gateway's own clock is not set: whether a report is new cannot be told, so it opens nothing",
        "网关时钟未校准：无法判断上报是否及时，不予开门",
    ),
    "push.silent": (
        "has reported nothing for {seconds} s: check power, network and the address it calls",
        "已 {seconds} 秒没有上报：请检查电源、网络和推送地址",
    ),
    "push.card": ("a card number that does not fit {bits} bits", "卡号超出 {bits} 位"),
    "push.no_secret": (
        "terminal {terminal} has no secret: give secret_file in agent.toml, a file with one line of 16 or more "
        "characters that the terminal is set to as well",
        "终端 {terminal} 没有密钥：请在 agent.toml 中给出 secret_file，文件为一行 16 个以上字符，并在终端中作相同设置",
    ),
    "push.bad_secret": (
        "{path} cannot be read or is no secret: one line of 16 or more characters",
        "{path} 无法读取或不是密钥：应为一行 16 个以上字符",
    ),
    "push.example": (
        "the report reads as {got} instead of {wanted}",
        "此上报解析为 {got}，应为 {wanted}",
    ),
}
