"""Why an operation at the gateway was not carried out, and what to do."""

WORDS: dict[str, tuple[str, str]] = {
    "operate.no_name": (
        "every operation needs a name: say who you are with --by NAME",
        "每项操作都要署名：请用 --by 姓名 说明操作人",
    ),
    "operate.borrowed_name": (
        "a name here must not begin with city/, local/ or door/, which would show somebody else: say --by YOUR-NAME",
        "此处的姓名不能以 city/、local/ 或 door/ 开头，否则事件会显示为他人；请用 --by 填写本人姓名",
    ),
    "operate.no_door": (
        "there is no such door here; agent.toml names them",
        "此处没有这扇门；门的名称见 agent.toml",
    ),
    "operate.which_door": ("say which door", "请指明哪一扇门"),
    "operate.unknown_verb": (
        "this agent does not know that operation; is it older than the command line?",
        "主程序不认识该操作；是否比命令行版本旧？",
    ),
    "operate.not_recorded": (
        "it could not be recorded, so it was not done; look for a full disk with `edge-agent check`",
        "无法记录，因此未执行；请用 `edge-agent check` 检查磁盘是否已满",
    ),
    "operate.expired": (
        "the disk took too long to record the order: the door was not opened; press again if it is still to be",
        "磁盘记录命令过慢：门未打开；如仍需开门请再按一次",
    ),
    "operate.gate_unavailable": (
        "the gate does not answer; look at its power and line",
        "大门控制器无应答；请检查其电源与线路",
    ),
    "operate.nobody_waits": ("nobody waits at this door", "此门前没有等待放行的人"),
    "operate.no_latch": ("there is no such alarm to clear", "没有需要解除的该项报警"),
    "operate.latch_active": (
        "the input is still active: end the cause first (reset the fire panel, release the button), then clear",
        "输入仍处于触发状态：请先消除原因（复位消防主机、松开按钮），再解除",
    ),
}
